"""The schedule commands that read: list, show, ical."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from pager_cli.connection import connected
from pager_cli.moments import distance
from pager_cli.output import as_json, print_json, print_line, print_table
from pager_cli.paging import rows_of
from pager_cli.peer import Peer
from pager_cli.schedule_calendar import print_calendar
from pager_cli.times import shown, stamp, zone_named
from pager_cli.words import enum_word, one_line
from pager_grpc.client.calling import Caller
from pager_grpc.gen.policy.v1 import schedule_service_pb2 as pb
from pager_grpc.gen.policy.v1.schedule_service_pb2_grpc import ScheduleServiceStub


async def all_schedules(stub: ScheduleServiceStub, caller: Caller) -> list[pb.Schedule]:
    """Every schedule, ordered by id."""
    schedules, _ = await rows_of(
        lambda size, token: caller.read(stub.ListSchedules, pb.ListSchedulesRequest(page_size=size, page_token=token)),
        lambda answer: answer.schedules,
    )
    return schedules


async def list_schedules(peer: Peer, *, as_machine: bool) -> None:
    """Prints every schedule."""
    async with connected(peer) as (channel, caller):
        schedules = await all_schedules(ScheduleServiceStub(channel), caller)
    if as_machine:
        print_json({"schedules": [as_json(schedule) for schedule in schedules]})
    elif schedules:
        now = datetime.now(UTC)
        titles = ("SCHEDULE", "REVISION", "CHANGED", "NAME", "ZONE", "LAYERS")
        print_table(titles, [_row(schedule, now) for schedule in schedules], ("REVISION", "CHANGED", "NAME"))
    else:
        print_line("no schedules yet; `pagerctl apply` brings some")


def _row(schedule: pb.Schedule, now: datetime) -> tuple[str, ...]:
    return (
        one_line(schedule.schedule_id),
        f"r{schedule.revision}",
        distance(schedule.update_time, now),
        one_line(schedule.display_name) or "-",
        one_line(schedule.time_zone),
        ", ".join(one_line(layer.layer_id) for layer in schedule.layers),
    )


async def show_schedule(peer: Peer, schedule_id: str, *, weeks: int, as_machine: bool) -> None:
    """Prints who is on call on each of the next days, and the overrides and shift swaps of that time."""
    start = datetime.now(UTC)
    asked = pb.ListShiftsRequest(
        schedule_id=schedule_id, start_time=stamp(start), end_time=stamp(start + timedelta(weeks=weeks))
    )
    async with connected(peer) as (channel, caller):
        stub = ScheduleServiceStub(channel)
        schedule = (await caller.read(stub.GetSchedule, pb.GetScheduleRequest(schedule_id=schedule_id))).schedule
        shifts = (await caller.read(stub.ListShifts, asked)).shifts
    if as_machine:
        print_json({"schedule": as_json(schedule), "shifts": [as_json(shift) for shift in shifts]})
        return
    name = f", {one_line(schedule.display_name)}" if schedule.display_name else ""
    print_line(
        f"{one_line(schedule.schedule_id)} (r{schedule.revision}){name}, times of {one_line(schedule.time_zone)}"
    )
    zone = zone_named(schedule.time_zone)
    print_calendar(shifts, zone)
    for line in _changes(schedule, zone, start):
        print_line(line)


def _changes(schedule: pb.Schedule, zone: tzinfo, now: datetime) -> Iterator[str]:
    for override in schedule.overrides:
        if override.end_time.ToDatetime(tzinfo=UTC) > now:
            yield f"* override {one_line(override.override_id)}: {_sentence(override)}, {_span(override, zone)}"
    for swap in schedule.shift_swaps:
        if swap.end_time.ToDatetime(tzinfo=UTC) > now and swap.state != pb.ShiftSwap.STATE_ACCEPTED:
            people = f"{one_line(swap.from_person_id)} asks {one_line(swap.to_person_id)}"
            state = enum_word(pb.ShiftSwap.State, swap.state)
            yield f"  shift swap {one_line(swap.shift_swap_id)}: {people}, {state}, {_span(swap, zone)}"


def _sentence(override: pb.Override) -> str:
    match override.WhichOneof("change"):
        case "add":
            return f"{one_line(override.add.person_id)} too"
        case "remove":
            return f"without {one_line(override.remove.person_id)}"
        case "replace":
            replaced = one_line(override.replace.replaced_person_id) or "whoever is on call"
            return f"{one_line(override.replace.person_id)} instead of {replaced}"
        case _:
            return "something that this version does not know"


def _span(change: pb.Override | pb.ShiftSwap, zone: tzinfo) -> str:
    reason = f' ("{one_line(change.reason)}")' if change.reason else ""
    return f"{shown(change.start_time, zone)} to {shown(change.end_time, zone)}{reason}"


async def print_ical(peer: Peer, *, schedule_id: str, person_id: str, as_machine: bool) -> None:
    """Prints the calendar of a schedule, or of a person, as iCalendar."""
    subject = {"person_id": person_id} if person_id else {"schedule_id": schedule_id}
    async with connected(peer) as (channel, caller):
        answer = await caller.read(ScheduleServiceStub(channel).ExportCalendar, pb.ExportCalendarRequest(**subject))
    if as_machine:
        print_json(as_json(answer))
        return
    # The format has line ends of its own.
    sys.stdout.buffer.write(answer.calendar.encode())
    sys.stdout.buffer.flush()
