"""One trace from the caller to the provider, over three real processes and a kill -9 in between."""

import asyncio
import json
from pathlib import Path

import grpc
import pytest
from collector import collecting
from end_to_end.world import World, eventually

from pager_grpc.daemon.serving import until_serving
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as policy_pb_grpc

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
ANA, SECRET = "ana-canary@example.com", "CANARY-the-cards-fail"
THE_WAY = [
    "pager: pager.v1.PagerService/RaiseAlert",
    "pager: notify level",
    "pager: deliver page",
    "notifier: send message",
    "notifier: ask smtp",
]


@pytest.fixture
async def traced(tmp_path):
    """Three rooms that send spans to a collector; none is started yet."""
    urls = {room: f"sqlite+aiosqlite:///{tmp_path / room}.db" for room in ("pager", "policy", "notifier")}
    async with collecting() as collector:
        world = World(tmp_path, urls)
        for room in world.rooms.values():
            room.environment |= {"PAGERD_TRACES_ENDPOINT": collector.endpoint, "PAGERD_LOG_LEVEL": "info"}
        yield world, collector
        await asyncio.to_thread(world.stop)


async def serving(world: World, *rooms: str) -> None:
    for room in rooms:
        world.rooms[room].spawn()
    async with asyncio.timeout(60):
        await asyncio.gather(*(until_serving(world.rooms[room].address) for room in rooms))


async def create_policy(world: World) -> None:
    policy = policy_pb.EscalationPolicy(policy_id="test", monitored_service_ids=["checkout"])
    policy.levels.add().targets.add(target_id="ana").email.email_address = ANA
    async with grpc.aio.insecure_channel(world.rooms["policy"].address) as channel:
        stub = policy_pb_grpc.PolicyServiceStub(channel)
        await stub.CreateEscalationPolicy(policy_pb.CreateEscalationPolicyRequest(escalation_policy=policy))


async def raise_alert(world: World) -> pb.Incident:
    request = pb.RaiseAlertRequest(monitored_service_id="checkout", message=SECRET, details=SECRET, request_id="r-1")
    async with grpc.aio.insecure_channel(world.rooms["pager"].address) as channel:
        stub = pb_grpc.PagerServiceStub(channel)
        return (await stub.RaiseAlert(request, metadata=[("traceparent", TRACEPARENT)], timeout=20)).incident


def lines_of(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


async def test_a_trace_is_whole_from_the_caller_to_the_provider_also_when_the_pager_dies_in_between(traced):
    world, collector = traced
    await serving(world, "policy", "pager")
    await create_policy(world)
    incident = (await raise_alert(world)).incident_id
    # The level is durable; its page cannot go out, because no notifier is there yet.
    await collector.until(lambda: collector.named("pager: notify level"))
    world.rooms["pager"].kill()
    await serving(world, "notifier", "pager")

    asked = await collector.until(lambda: collector.named("notifier: ask smtp"))
    delivered = await collector.until(
        lambda: [s for s in collector.named("pager: deliver page") if s.attributes["pager.outcome"] == "handed_off"]
    )
    assert world.mail.received()[ANA] == 1
    assert collector.path_to(asked[0]) == THE_WAY
    assert collector.named(THE_WAY[0])[0].parent_id == "00f067aa0ba902b7", "the caller's own span"
    policy = collector.named("policy: policy.v1.PolicyService/BatchResolveEscalations")[0]
    assert collector.path_to(policy) == [*THE_WAY[:2], "pager: ask whom to page", policy.title]
    committed = collector.named("pager: commit batch")[0]
    assert collector.path_to(committed) == [THE_WAY[0], committed.title]
    assert {span.trace_id for span in collector.spans if "CreateEscalationPolicy" not in span.name} == {TRACE}
    assert delivered[0].attributes["pager.incident_id"] == incident
    assert collector.named(THE_WAY[0])[0].attributes == {
        "rpc.system.name": "grpc",
        "rpc.method": "pager.v1.PagerService/RaiseAlert",
        "rpc.response.status_code": "OK",
        "pager.request_id": "r-1",
        "pager.incident_id": incident,
        "pager.monitored_service_id": "checkout",
    }

    # Nothing of what was said, and nobody's address.
    assert "canary" not in collector.text.lower()

    def logs_tell():
        logs = {room: lines_of(world.rooms[room].log) for room in world.rooms}
        told = {
            "by incident": {room for room, lines in logs.items() if any(incident in str(line) for line in lines)},
            "by trace": {room for room, lines in logs.items() if any(line.get("trace_id") == TRACE for line in lines)},
        }
        return told == {"by incident": set(world.rooms), "by trace": set(world.rooms)}

    await asyncio.to_thread(eventually, logs_tell, "three logs tell of one incident")
    settled = [line for line in lines_of(world.rooms["pager"].log) if line["event"] == "page_settled"]
    assert {(line["incident_id"], line["monitored_service_id"], line["trace_id"]) for line in settled} == {
        (incident, "checkout", TRACE)
    }


async def test_a_dead_collector_keeps_no_page_back_and_no_room_from_leaving(traced):
    world, _ = traced
    for room in world.rooms.values():
        room.environment["PAGERD_TRACES_ENDPOINT"] = "http://127.0.0.1:1"
    await serving(world, *world.rooms)
    await create_policy(world)
    await raise_alert(world)
    await asyncio.to_thread(eventually, lambda: world.mail.received()[ANA], "ana is paged")
    codes = [await asyncio.to_thread(world.rooms[room].stop) for room in ("pager", "notifier", "policy")]
    assert codes == [0, 0, 0]
    events = {line["event"] for line in lines_of(world.rooms["pager"].log)}
    assert {"trace_collector_does_not_take_spans", "spans_dropped", "stopped"} <= events
