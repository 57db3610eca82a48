"""Who is on call: of one schedule, of all of them, or for a service."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from pager_cli.connection import connected
from pager_cli.output import Cell, as_json, print_json, print_line, print_table
from pager_cli.paging import rows_of
from pager_cli.peer import Peer
from pager_cli.schedule_calendar import NOBODY
from pager_cli.times import read_moment, shown, stamp, zone_named
from pager_cli.words import enum_word, one_line
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.gen.policy.v1 import schedule_service_pb2 as pb
from pager_grpc.gen.policy.v1.policy_service_pb2_grpc import PolicyServiceStub
from pager_grpc.gen.policy.v1.schedule_service_pb2_grpc import ScheduleServiceStub

_LONG = timedelta(days=31)


async def print_on_call(peer: Peer, schedule_id: str, *, at: str, as_machine: bool) -> None:
    """Prints who is on call on a schedule, on every one if ``schedule_id`` is empty."""
    now = datetime.now(UTC)
    moment = read_moment("--at", at, None, now)
    request = pb.ListOnCallRequest(schedule_id=schedule_id, at_time=stamp(moment) if at != "now" else None)
    async with connected(peer) as (channel, caller):
        stub = ScheduleServiceStub(channel)

        async def page(size: int, token: str) -> pb.ListOnCallResponse:
            asked = pb.ListOnCallRequest()
            asked.CopyFrom(request)
            asked.page_size, asked.page_token = size, token
            return await caller.read(stub.ListOnCall, asked)

        answers, _ = await rows_of(page, lambda answer: answer.schedules)
    if as_machine:
        print_json({"schedules": [as_json(answer) for answer in answers]})
    elif answers:
        print_table(("SCHEDULE", "ON CALL", "UNTIL"), [_row(answer, moment) for answer in answers])
    else:
        print_line("no schedules yet; `pagerctl apply` brings some")


def _row(answer: pb.ListOnCallResponse.ScheduleOnCall, moment: datetime) -> tuple[Cell, ...]:
    shift = answer.shift
    until = shown(shift.end_time, zone_named(answer.time_zone))
    if shift.end_time.ToDatetime(tzinfo=UTC) >= moment + _LONG:
        until = "more than a month from then"
    return one_line(answer.schedule_id), _names(one.person_id for one in shift.on_call), until


async def print_on_call_for_service(peer: Peer, service: str, *, at: str, as_machine: bool) -> None:
    """Prints whom each level of the service's policy reaches."""
    moment = read_moment("--at", at, None, datetime.now(UTC))
    request = policy_pb.ResolveEscalationRequest(
        monitored_service_id=service, at_time=stamp(moment) if at != "now" else None
    )
    async with connected(peer) as (channel, caller):
        answer = await caller.read(PolicyServiceStub(channel).ResolveEscalation, request)
    if as_machine:
        print_json(as_json(answer))
        return
    found = answer.resolved_escalation
    print_line(f"policy {one_line(found.policy_id)} r{found.revision}")
    rows = [
        (
            str(number),
            _names(target.person_id or target.target_id for target in level.targets),
            ", ".join(_not_reached(each) for each in level.unreached) or "-",
        )
        for number, level in enumerate(found.levels, 1)
    ]
    print_table(("LEVEL", "NOTIFIED", "NOT REACHED"), rows)


def _not_reached(target: policy_pb.UnreachedTarget) -> str:
    who = one_line(target.person_id or target.schedule_id or target.target_id)
    return f"{who} ({enum_word(policy_pb.UnreachedTarget.Reason, target.reason)})"


def _names(people: Iterable[str]) -> Cell:
    return ", ".join(map(one_line, people)) or NOBODY
