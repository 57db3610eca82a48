"""Three real processes (more where a test wants replicas), a real mail server and a double of the SMS gateway."""

import asyncio
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import grpc
from aiosmtpd.controller import Controller
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sealed import ADDRESS_KEY

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as policy_pb_grpc

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 30.0


# Below those that the kernel gives to whoever calls somebody, and of each worker of a run its own.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
_PORTS = itertools.cycle(random.sample(range(20_000 + 1_000 * _WORKER, 21_000 + 1_000 * _WORKER), 1_000))


def free_port() -> int:
    """A port that nobody uses at the moment, and that nobody else is told soon."""
    for port in _PORTS:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable")


def eventually(look: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """What ``look`` returns once it is true; fails with ``what`` was awaited."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


def one_call(address: str, stub: Any, method: str, request: Any, timeout: float) -> Any:
    """One call over a channel of its own. By grpc.aio as everywhere: the two kinds do not share a process well."""

    async def call() -> Any:
        async with grpc.aio.insecure_channel(address) as channel:
            return await getattr(stub(channel), method)(request, timeout=timeout)

    return asyncio.run(call())


class MailServer:
    """A real SMTP server that keeps what it accepted."""

    def __init__(self) -> None:
        self.letters: list[Any] = []
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())
        self._controller.start()
        self.url = f"smtp://127.0.0.1:{self._controller.port}"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 kept"

    def received(self) -> Counter[str]:
        """How many letters each address got."""
        return Counter(str(letter["To"]) for letter in self.letters)

    def stop(self) -> None:
        self._controller.stop()


class SmsGateway:
    """Speaks as much of Twilio's REST form API as is asked of it."""

    def __init__(self) -> None:
        self.texts: list[dict[str, str]] = []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                gateway.texts.append({key: values[0] for key, values in form.items()})
                answer = json.dumps({"sid": f"SM{len(gateway.texts)}"}).encode()
                self.send_response(201)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def received(self) -> Counter[str]:
        """How many texts each number got."""
        return Counter(text["To"] for text in self.texts)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass
class Room:
    """One process of one room."""

    name: str
    port: int
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> "Room":
        """Returns when it serves."""
        self.spawn()
        eventually(self.serves, f"{self.name} serves; its log:\n{self.log}")
        return self

    def spawn(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"pager_grpc.{self.name}"],
                env=self.environment,
                cwd=ROOT,
                stderr=log,
                stdout=log,
            )

    def serves(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            answer = one_call(self.address, health_pb2_grpc.HealthStub, "Check", health_pb2.HealthCheckRequest(), 2)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def kill(self) -> None:
        """As the kernel's out-of-memory killer does it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """Asks politely; the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(30)


@dataclass
class World:
    """All that a page needs from the first call to the last hop."""

    data: Path
    databases: dict[str, str]
    mail: MailServer = field(default_factory=MailServer)
    sms: SmsGateway = field(default_factory=SmsGateway)
    rooms: dict[str, Room] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = os.environ | {
            "PAGERD_DATA": str(self.data),
            "PAGER_CATCH_ALL_EMAIL": "catch-all@example.com",
            "PAGER_ADDRESS_KEYS": ADDRESS_KEY,
            "PAGER_POLICY_DEADLINE": "5",  # on a busy machine nobody else is paged
            "NOTIFIER_SMTP_URL": self.mail.url,
            "NOTIFIER_EMAIL_FROM": "pager@example.com",
            "NOTIFIER_SMS_URL": self.sms.url,
            "NOTIFIER_SMS_ACCOUNT": "AC1",
            "NOTIFIER_SMS_TOKEN": "secret",
            "NOTIFIER_SMS_FROM": "+15005550006",
            **{f"{room.upper()}_DATABASE_URL": url for room, url in self.databases.items()},
        }
        ports = {room: free_port() for room in ("policy", "notifier")}
        self.environment |= {f"PAGER_{room.upper()}_TARGET": f"127.0.0.1:{port}" for room, port in ports.items()}
        for room, port in ports.items():
            self.add(room, room, port)
        self.add("pager", "pager", free_port())

    def add(self, label: str, room: str, port: int) -> Room:
        """A process, not started yet; several labels make replicas."""
        listening = {f"{room.upper()}_LISTEN": f"127.0.0.1:{port}"}
        self.rooms[label] = Room(room, port, self.environment | listening, self.data / f"{label}.log")
        return self.rooms[label]

    def start(self) -> "World":
        """Returns when all rooms serve; if one does not, none is left running."""
        for room in self.rooms.values():
            room.spawn()
        try:
            for room in self.rooms.values():
                eventually(room.serves, f"{room.name} serves")
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> dict[str, int]:
        """Stops everything; the exit code of each process."""
        codes = {label: room.stop() for label, room in self.rooms.items() if room.process is not None}
        self.mail.stop()
        self.sms.stop()
        return codes

    def call(self, method: str, request: Any, label: str = "pager", timeout: float = 10) -> Any:
        """One call of the pager."""
        return one_call(self.rooms[label].address, pb_grpc.PagerServiceStub, method, request, timeout)

    def raise_alert(self, service: str = "checkout", **fields: Any) -> pb.RaiseAlertResponse:
        answer: pb.RaiseAlertResponse = self.call(
            "RaiseAlert", pb.RaiseAlertRequest(monitored_service_id=service, message="it burns", **fields)
        )
        return answer

    def timeline(self, incident_id: str) -> list[pb.IncidentEvent]:
        request = pb.ListIncidentEventsRequest(incident_id=incident_id, page_size=1000)
        return list(self.call("ListIncidentEvents", request).incident_events)

    def kinds(self, incident_id: str) -> list[str]:
        """The timeline as the names of its events."""
        return [str(event.WhichOneof("event")) for event in self.timeline(incident_id)]

    def create_policy(self, *levels: list[str], seconds: float, services: tuple[str, ...] = ("checkout",)) -> None:
        """A policy whose targets are addresses ("ana@…") and numbers ("+49…")."""
        message = policy_pb.EscalationPolicy(policy_id="test", monitored_service_ids=services)
        for addresses in levels:
            level = message.levels.add()
            level.acknowledgement_timeout.FromNanoseconds(int(seconds * 1e9))
            for address in addresses:
                target = level.targets.add(target_id=f"to {address}")
                if "@" in address:
                    target.email.email_address = address
                else:
                    target.sms.phone_number = address
        request = policy_pb.CreateEscalationPolicyRequest(escalation_policy=message)
        stub = policy_pb_grpc.PolicyServiceStub
        one_call(self.rooms["policy"].address, stub, "CreateEscalationPolicy", request, 10)
