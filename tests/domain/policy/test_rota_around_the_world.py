"""Rotations at every change of every clock of the world, from 2020 to 2035."""

from datetime import timedelta
from itertools import pairwise

import pytest
from domain.policy.clock_changes import every_clock_change, first_moment_by_trying
from fakes.schedule_builders import a_layer, a_schedule, hours, names

from pager_domain.policy.rota import on_call, shifts
from pager_domain.policy.schedules import Unit
from pager_domain.wall_time import on_the_wall

PEOPLE = ("ana", "ben", "cy", "dan")
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
MOMENT = timedelta(microseconds=1)


def a_daily_schedule(change, handoff):
    """A schedule that hands over each day at the local time of ``handoff``, from some days before the change on."""
    start = (handoff - 5 * DAY).isoformat()
    return a_schedule(a_layer(*PEOPLE, unit=Unit.DAY, start=start), zone=change.zone.key)


@pytest.fixture(scope="module", params=["the first time that the change touches", "the middle", "the last"])
def rotations(request):
    """For every change a schedule that hands over in what it skips or repeats, and its shifts around the change."""
    found = []
    for change in every_clock_change():
        earlier, later = sorted(change.walls)
        middle = (earlier + (later - earlier) / 2).replace(second=0, microsecond=0)
        handoff = {"the first time that the change touches": earlier, "the middle": middle, "the last": later - MINUTE}
        schedule = a_daily_schedule(change, handoff[request.param])
        found.append((change, schedule, shifts(schedule, change.at - 3 * DAY, change.at + 3 * DAY)))
    return found


def test_a_full_rotation_has_no_hole_and_no_overlap(rotations):
    for change, _, found in rotations:
        assert found[0].starts_at == change.at - 3 * DAY, str(change)
        assert found[-1].ends_at == change.at + 3 * DAY, str(change)
        assert all(before.ends_at == after.starts_at for before, after in pairwise(found)), str(change)
        assert all(len(shift.on_call) == 1 and shift.length > timedelta(0) for shift in found), str(change)


def test_everybody_has_their_turn_in_the_order_of_the_rotation(rotations):
    for change, _, found in rotations:
        turns = [PEOPLE.index(shift.on_call[0].person_id) for shift in found]
        assert all((after - before) % len(PEOPLE) == 1 for before, after in pairwise(turns)), str(change)
        assert 6 <= len(turns) <= 8, str(change)


def test_every_handoff_is_at_its_local_time_or_where_the_rule_says(rotations):
    for change, schedule, found in rotations:
        clock = schedule.layers[0].rotation.starts_at.time()
        for shift in found[1:]:
            shown = on_the_wall(shift.starts_at, change.zone)
            if shown.time() != clock:
                assert shift.starts_at == change.at, str(change)
                assert change.walls[0].time() <= clock or change.walls[0].date() < change.walls[1].date(), str(change)
            else:
                assert shift.starts_at == first_moment_by_trying(shown, change.zone.key), str(change)


def test_one_moment_has_the_answer_of_its_shift(rotations):
    for change, schedule, found in rotations:
        nearest = min(range(1, len(found)), key=lambda at: abs(found[at].starts_at - change.at))
        for at in (nearest, len(found) - 1):
            assert on_call(schedule, found[at].starts_at) == found[at].on_call, str(change)
            assert on_call(schedule, found[at].starts_at - MOMENT) == found[at - 1].on_call, str(change)


def test_hours_are_as_long_as_ever_at_every_change():
    for change in every_clock_change():
        start = (change.walls[0] - 2 * DAY).isoformat()
        schedule = a_schedule(a_layer(*PEOPLE, unit=Unit.HOUR, length=7, start=start), zone=change.zone.key)
        found = shifts(schedule, change.at - DAY, change.at + DAY)
        assert {shift.length for shift in found[1:-1]} == {timedelta(hours=7)}, str(change)


def test_office_hours_and_the_rest_of_the_day_leave_no_hole_at_any_change():
    for change in every_clock_change():
        split = change.walls[0].hour or 12
        day = a_layer("ana", restrictions=[hours(0, split)], start="2019-01-01 00:00")
        night = a_layer("ben", layer_id="night", restrictions=[hours(split, 0)], start="2019-01-01 00:00")
        found = shifts(a_schedule(day, night, zone=change.zone.key), change.at - DAY, change.at + DAY)
        assert all(len(shift.on_call) == 1 for shift in found), str(change)
        assert all(names(before.on_call) != names(after.on_call) for before, after in pairwise(found)), str(change)
