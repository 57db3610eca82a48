"""Who is on call, worked out turn by turn from the first one on: slow, and simple enough to be believed."""

from datetime import datetime, timedelta

from domain.policy.clock_changes import first_moment_by_trying

from pager_domain.policy.schedules import Add, Remove, Unit

_HOURS = {Unit.HOUR: 1, Unit.DAY: 24, Unit.WEEK: 168}


def who(schedule, at):
    """The ids of those on call at a moment."""
    found = []
    for layer in schedule.layers:
        person = turn_at(layer.rotation, schedule.time_zone, at) if counts(layer, schedule.time_zone, at) else None
        if person is not None:
            found = [person]
        elif layer.covering and layer.starts_at <= at < layer.ends_at:
            found = []
    for override in schedule.overrides:
        if override.starts_at <= at < override.ends_at:
            found = changed(found, override.change)
    return found


def counts(layer, zone, at):
    if at < (layer.starts_at or at) or (layer.ends_at is not None and at >= layer.ends_at):
        return False
    return not layer.restrictions or any(within(each, zone, at) for each in layer.restrictions)


def within(restriction, zone, at):
    for away in range(-3, 4):
        day = (at + timedelta(days=away)).date()
        last = day if restriction.end > restriction.start else day + timedelta(days=1)
        if restriction.days and day.isoweekday() not in restriction.days:
            continue
        start = first_moment_by_trying(datetime.combine(day, restriction.start), zone)
        if start <= at < first_moment_by_trying(datetime.combine(last, restriction.end), zone):
            return True
    return False


def turn_at(rotation, zone, at):
    person, number = None, 0
    while begin_of(rotation, zone, number) <= at:
        person = rotation.people[number % len(rotation.people)]
        number += 1
    return person


def begin_of(rotation, zone, number):
    span = timedelta(hours=_HOURS[rotation.unit] * rotation.length * number)
    if rotation.unit is Unit.HOUR:
        return first_moment_by_trying(rotation.starts_at, zone) + span
    return first_moment_by_trying(rotation.starts_at + span, zone)


def changed(found, change):
    if isinstance(change, Remove):
        return [person for person in found if person != change.person_id]
    if isinstance(change, Add):
        return found if change.person_id in found else [*found, change.person_id]
    if change.replaced is None:
        return [change.person_id]
    if change.person_id in found:
        return [person for person in found if person != change.replaced]
    return [change.person_id if person == change.replaced else person for person in found]
