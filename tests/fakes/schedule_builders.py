"""Schedules for tests, in few words."""

from datetime import UTC, datetime, time

from pager_domain.policy.people import PersonId
from pager_domain.policy.revisions import Standing
from pager_domain.policy.schedules import (
    Add,
    Layer,
    LayerId,
    Override,
    OverrideId,
    Remove,
    Replace,
    Restriction,
    Rotation,
    Schedule,
    ScheduleDefinition,
    ScheduleId,
    ShiftSwap,
    ShiftSwapId,
    Unit,
    Weekday,
)


def utc(text):
    """``2026-11-02 09:00`` as a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wall(text):
    """``2026-11-02 09:00`` as a local time."""
    return datetime.fromisoformat(text)


def a_rotation(*people, unit=Unit.WEEK, start="2026-11-02 09:00", length=1):
    return Rotation(tuple(map(PersonId, people or ("ana", "ben"))), unit, wall(start), length)


def a_layer(*people, layer_id="primary", restrictions=(), begins=None, ends=None, covering=False, **rotation):
    return Layer(
        LayerId(layer_id),
        a_rotation(*people, **rotation),
        tuple(restrictions),
        utc(begins) if begins else None,
        utc(ends) if ends else None,
        covering,
    )


def a_schedule(*layers, zone="Europe/Berlin", overrides=(), **rest):
    return ScheduleDefinition(ScheduleId("shop"), zone, layers or (a_layer(),), overrides=tuple(overrides), **rest)


def hours(start, end, *days):
    """A restriction to ``start`` to ``end`` o'clock on some days, like ``hours(9, 17, Weekday.MONDAY)``."""
    return Restriction(frozenset(days), time(start), time(end))


WORKDAYS = tuple(Weekday(number) for number in range(1, 6))


def an_override(change, start, end, override_id="o-1"):
    return Override(OverrideId(override_id), utc(start), utc(end), change)


def add(person):
    return Add(PersonId(person))


def remove(person):
    return Remove(PersonId(person))


def replace_by(person, replaced=None):
    return Replace(PersonId(person), PersonId(replaced) if replaced else None)


def names(answer):
    """Who is on call, in few words."""
    return [one.person_id for one in answer]


def a_swap(giver="ana", taker="ben", start="2026-11-03 10:00", end="2026-11-03 12:00", swap_id="s-1", **rest):
    people = PersonId(giver), PersonId(taker)
    return ShiftSwap(ShiftSwapId(swap_id), *people, utc(start), utc(end), **rest)


def revisions(*definitions):
    """A history: each definition (None: it has ended) with the moment from which on it stands."""
    found = []
    for number, (moment, definition) in enumerate(definitions):
        nexts = [utc(after) for after, _ in definitions[number + 1 :]]
        if definition is not None:
            revision = Schedule(definition, number + 1, utc(moment), utc(moment))
            found.append(Standing(revision, nexts[0] if nexts else None))
    return found
