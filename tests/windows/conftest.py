"""Three rooms that page somebody, and a real Prometheus that watches them: once for all tests of this folder."""

import json
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from end_to_end.world import World, eventually, free_port
from windows.prometheus import Prometheus, found_folder

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

ROOMS = ("pager", "policy", "notifier")
ANA, BEN = "ana@example.com", "+4915112345678"


@dataclass
class Watched:
    """A world, its Prometheus, and where its rooms serve metrics."""

    world: World
    prometheus: Prometheus
    metrics: dict[str, str]

    def text(self, room: str) -> str:
        """What ``room`` serves."""
        return httpx.get(f"http://{self.metrics[room]}/metrics", trust_env=False).text


@pytest.fixture(scope="session")
def prometheus_folder() -> Path:
    """Where prometheus and promtool are."""
    return found_folder()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, prometheus_folder: Path):
    """After some traffic: pages that were handed off, calls that were refused, an acknowledgement."""
    data = tmp_path_factory.mktemp("watched")
    world = World(data, {room: f"sqlite+aiosqlite:///{data / room}.db" for room in ROOMS})
    metrics = {room: f"127.0.0.1:{free_port()}" for room in ROOMS}
    for room, address in metrics.items():
        world.rooms[room].environment[f"{room.upper()}_METRICS_LISTEN"] = address
    world.rooms["pager"].environment["PAGER_HEARTBEAT_URL"] = "http://127.0.0.1:9/"
    world.rooms["notifier"].environment["NOTIFIER_SMS_PREFIXES"] = "+49"
    try:
        world.start()
        prometheus = Prometheus(data / "prometheus", prometheus_folder, metrics).start()
        try:
            # A counter that was never seen before it grew does not grow.
            eventually(lambda: len(prometheus.query("up == 1")) == len(ROOMS), "Prometheus has seen every room", 60)
            _traffic(world)
            yield Watched(world, prometheus, metrics)
        finally:
            prometheus.stop()
    finally:
        world.stop()


def _traffic(world: World) -> None:
    world.create_policy([ANA, BEN], [ANA], seconds=600)
    incident = world.raise_alert().incident.incident_id
    world.raise_alert()
    eventually(lambda: world.kinds(incident).count("notification_settled") == 2, "both pages are handed off")
    world.call("Acknowledge", pb.AcknowledgeRequest(monitored_service_id="checkout", acknowledged_by="ana"))
    for refused in ({"monitored_service_id": ""}, {"monitored_service_id": "nobody"}):
        with pytest.raises(Exception, match=r"INVALID_ARGUMENT|NOT_FOUND"):
            world.call("Acknowledge", pb.AcknowledgeRequest(acknowledged_by="ana", **refused))


@pytest.fixture(scope="session")
def dashboard() -> dict:
    """The dashboard as it is committed."""
    return json.loads((Path(__file__).parents[2] / "deploy" / "grafana" / "hexagonal-pager.json").read_text())
