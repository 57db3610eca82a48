"""Shifts as a calendar on a terminal: one line a day, everybody in a colour, gaps in red."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from pager_cli.output import Cell, Styled, print_line
from pager_cli.words import one_line
from pager_grpc.gen.policy.v1 import schedule_service_pb2 as pb

NOBODY = Styled("nobody", "bold red")
_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green", "bright_yellow")
_DAY = timedelta(days=1)


def print_calendar(shifts: Sequence[pb.Shift], zone: tzinfo) -> None:
    """One line a day of ``zone``: who is on call, and after each handoff of the day its time and who comes."""
    colours = colours_of(shifts)
    for day, parts in by_day(shifts, zone):
        cells: list[Cell] = [f"{day:%a %Y-%m-%d}"]
        for begin, shift in parts:
            cells += ["  ", f"{begin:%H:%M} " if begin is not None else ""]
            cells += who(shift.on_call, colours)
        print_line(*cells)


def by_day(shifts: Sequence[pb.Shift], zone: tzinfo) -> Iterator[tuple[date, list[tuple[datetime | None, pb.Shift]]]]:
    """For each day its shifts, with the local time at which one begins; None if it goes on from before."""
    if not shifts:
        return
    day = shifts[0].start_time.ToDatetime(tzinfo=UTC).astimezone(zone).date()
    end = shifts[-1].end_time.ToDatetime(tzinfo=UTC)
    while (midnight := _midnight(day, zone)) < end:
        next_midnight = _midnight(day + _DAY, zone)
        parts: list[tuple[datetime | None, pb.Shift]] = []
        for shift in shifts:
            start, until = shift.start_time.ToDatetime(tzinfo=UTC), shift.end_time.ToDatetime(tzinfo=UTC)
            if start < next_midnight and until > midnight:
                begins = shift is not shifts[0] and start > midnight
                parts.append((start.astimezone(zone) if begins else None, shift))
        yield day, parts
        day += _DAY


def who(on_call: Sequence[pb.OnCall], colours: dict[str, str]) -> list[Cell]:
    """The people in their colours; one whom an override brought has a star."""
    if not on_call:
        return [NOBODY]
    cells: list[Cell] = []
    for one in on_call:
        star = "*" if one.override_id else ""
        cells += [", " if cells else "", Styled(one_line(one.person_id) + star, colours.get(one.person_id, ""))]
    return cells


def colours_of(shifts: Sequence[pb.Shift]) -> dict[str, str]:
    """A colour for everybody, in the order in which they come."""
    people = dict.fromkeys(one.person_id for shift in shifts for one in shift.on_call)
    return {person: _COLOURS[number % len(_COLOURS)] for number, person in enumerate(people)}


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(0), zone).astimezone(UTC)
