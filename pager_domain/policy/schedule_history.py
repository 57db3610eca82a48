"""Who was, is and will be on call: at each moment by the revision of the schedule that stood, or stands, then.

The newest revision stands for all of the future. Where no revision stood, nobody was on call.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pager_domain.policy.people import PersonId
from pager_domain.policy.revisions import Standing
from pager_domain.policy.rota import shifts
from pager_domain.policy.schedules import Schedule, ScheduleDefinition, Shift

SHOWN_AROUND = timedelta(days=31)

History = Sequence[Standing[Schedule]]
"""The revisions of one schedule that stood at some time, the earliest first."""


def shifts_of(history: History, start: datetime, end: datetime) -> list[Shift]:
    """The shifts from ``start`` up to ``end``, without a hole; neighbours differ."""
    return list(_joined(_pieces(history, start, end)))


def shift_around(history: History, at: datetime) -> Shift:
    """The shift that holds a moment; of one that is longer, the part within 31 days of it."""
    for reach in (timedelta(days=2), timedelta(days=9), SHOWN_AROUND):
        found = shifts_of(history, at - reach, at + reach)
        shift = next(each for each in found if at < each.ends_at)
        if at - reach < shift.starts_at and shift.ends_at < at + reach:
            break
    return shift


@dataclass(frozen=True, slots=True)
class Duty:
    """One person on call without a break, whoever else comes and goes.

    ``begun`` and ``ended`` say whether it really begins and ends there; otherwise it goes on outside of the span.
    """

    schedule: ScheduleDefinition
    person_id: PersonId
    starts_at: datetime
    ends_at: datetime
    begun: bool
    ended: bool


def duties_of(schedule: ScheduleDefinition, found: Sequence[Shift]) -> list[Duty]:
    """What the shifts of a span mean for each person, ordered by start and person."""
    duties: dict[PersonId, list[Duty]] = {}
    for shift in found:
        begun, ended = shift is not found[0], shift is not found[-1]
        for one in shift.on_call:
            of_person = duties.setdefault(one.person_id, [])
            if of_person and of_person[-1].ends_at == shift.starts_at:
                of_person[-1] = replace(of_person[-1], ends_at=shift.ends_at, ended=ended)
            else:
                of_person.append(Duty(schedule, one.person_id, shift.starts_at, shift.ends_at, begun, ended))
    every = (duty for of_person in duties.values() for duty in of_person)
    return sorted(every, key=lambda duty: (duty.starts_at, duty.person_id))


def _pieces(history: History, start: datetime, end: datetime) -> Iterator[Shift]:
    at = start
    for standing in history:
        begin = min(max(at, standing.entry.update_time), end)
        until = min(standing.until or end, end)
        yield Shift(at, begin, ())
        yield from shifts(standing.entry.definition, begin, until)
        at = max(begin, until)
    yield Shift(at, end, ())


def _joined(pieces: Iterable[Shift]) -> Iterator[Shift]:
    last = None
    for piece in pieces:
        if piece.starts_at >= piece.ends_at:
            continue
        if last is not None and last.on_call == piece.on_call:
            last = replace(last, ends_at=piece.ends_at)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last
