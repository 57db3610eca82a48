"""SIGTERM while everybody calls: what was taken is finished and answered, the rest is told to go elsewhere."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from end_to_end.world import MailServer, World
from sqlalchemy import text

from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as notifier_pb
from pager_grpc.gen.notifier.v1 import notifier_service_pb2_grpc as notifier_pb_grpc
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as policy_pb_grpc
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.database import open_database

ANA = "ana@example.com"
CALLERS = 20
BEFORE, AFTER = 200, 20
"""Answers before SIGTERM is sent, and refusals in a row after which a caller believes that the room is gone."""


class HeldMail(MailServer):
    """Takes letters once the gate is open; ``waiting`` is set when so many wait before it."""

    def __init__(self, expected: int) -> None:
        self.gate, self.waiting = asyncio.Event(), threading.Event()
        self._before_the_gate, self._expected = 0, expected
        super().__init__()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self._before_the_gate += 1
        if self._before_the_gate == self._expected:
            self.waiting.set()
        await self.gate.wait()
        return await super().handle_DATA(server, session, envelope)

    def open(self) -> None:
        self._controller.loop.call_soon_threadsafe(self.gate.set)


def a_raise(number: int) -> pb.RaiseAlertRequest:
    return pb.RaiseAlertRequest(
        monitored_service_id=f"service-{number % 50}", message="it burns", request_id=f"r-{number}"
    )


def an_escalation(number: int) -> policy_pb.ResolveEscalationRequest:
    return policy_pb.ResolveEscalationRequest(monitored_service_id=f"service-{number % 50}")


def a_letter(number: int) -> notifier_pb.SendEmailRequest:
    return notifier_pb.SendEmailRequest(
        request_id=f"r-{number}", email_address=ANA, subject=f"subject {number}", text_body="it burns"
    )


CALLS = {
    "pager": (pb_grpc.PagerServiceStub, "RaiseAlert", a_raise),
    "policy": (policy_pb_grpc.PolicyServiceStub, "ResolveEscalation", an_escalation),
    "notifier": (notifier_pb_grpc.NotifierServiceStub, "SendEmail", a_letter),
}


async def called_until_gone(world: World, room: str) -> tuple[dict[int, Any], Counter[str]]:
    """Calls from many sides until nobody answers; SIGTERM comes meanwhile. Answers by number, and other statuses."""
    stub, method, request = CALLS[room]
    answers: dict[int, Any] = {}
    statuses: Counter[str] = Counter()
    numbers = iter(range(1_000_000))

    async def call_on() -> None:
        refused = 0
        async with open_channel(world.rooms[room].address) as channel:
            call = getattr(stub(channel), method)
            while refused < AFTER:
                number = next(numbers)
                try:
                    answers[number] = await call(request(number), timeout=60)
                except grpc.aio.AioRpcError as error:
                    statuses[error.code().name] += 1
                    refused += 1
                    continue
                if len(answers) == BEFORE:
                    world.rooms[room].process.terminate()

    await asyncio.gather(*(call_on() for _ in range(CALLERS)))
    return answers, statuses


async def repeated(world: World, numbers: Iterable[int]) -> dict[int, tuple[str, bool]]:
    """What the raises of ``numbers`` hear when they are repeated: the incident, and whether they opened it."""
    async with open_channel(world.rooms["pager"].address) as channel:
        call = pb_grpc.PagerServiceStub(channel).RaiseAlert
        answers = {number: await call(a_raise(number), timeout=60) for number in numbers}
    return {number: (answer.incident.incident_id, answer.opened) for number, answer in answers.items()}


@pytest.fixture
def sqlite_world(tmp_path: Path) -> Iterator[World]:
    """Everything running on SQLite files."""
    world = World(tmp_path, {room: f"sqlite+aiosqlite:///{tmp_path / room}.db" for room in CALLS}).start()
    yield world
    world.stop()


@pytest.mark.parametrize("room", CALLS)
def test_each_call_is_answered_or_told_to_go_elsewhere_and_the_room_leaves_with_0(sqlite_world, room):
    world = sqlite_world
    world.create_policy([ANA], seconds=600, services=tuple(f"service-{number}" for number in range(50)))
    answers, statuses = asyncio.run(called_until_gone(world, room))
    assert world.rooms[room].process.wait(30) == 0
    assert len(answers) >= BEFORE
    assert set(statuses) <= {"UNAVAILABLE", "CANCELLED"}

    world.rooms[room].start()
    if room == "pager":
        assert asyncio.run(repeated(world, answers)) == {
            number: (answer.incident.incident_id, answer.opened) for number, answer in answers.items()
        }
    if room == "notifier":
        assert Counter(str(letter["Subject"]) for letter in world.mail.letters) == {
            f"subject {number}": 1 for number in answers
        }


def test_pages_under_way_are_handed_off_and_recorded_before_the_notifier_and_the_pager_leave(tmp_path):
    services = [f"service-{number}" for number in range(6)]
    mail = HeldMail(expected=len(services))
    world = World(tmp_path, {room: f"sqlite+aiosqlite:///{tmp_path / room}.db" for room in CALLS}, mail=mail).start()
    try:
        world.create_policy([ANA], seconds=600, services=tuple(services))
        for service in services:
            world.raise_alert(service)
        assert mail.waiting.wait(30)
        for room in ("pager", "notifier"):
            world.rooms[room].process.terminate()
        mail.open()
        assert [world.rooms[room].process.wait(30) for room in ("pager", "notifier")] == [0, 0]
        assert asyncio.run(stored(tmp_path / "pager.db", "SELECT state FROM notifications")) == ["handed_off"] * 6
        assert asyncio.run(stored(tmp_path / "notifier.db", "SELECT doubt_count FROM deliveries")) == [0] * 6
        assert mail.received() == {ANA: 6}
    finally:
        world.stop()


async def stored(file: Path, query: str) -> list[Any]:
    """The one column of ``query``."""
    database = open_database(f"sqlite+aiosqlite:///{file}")
    try:
        async with database.begin() as connection:
            return list((await connection.execute(text(query))).scalars())
    finally:
        await database.close()
