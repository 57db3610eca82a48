from datetime import timedelta

import pytest
from fakes.schedule_builders import a_layer, a_schedule, add, an_override, names, revisions, utc

from pager_domain.policy.rota import shifts
from pager_domain.policy.schedule_history import duties_of, shift_around, shifts_of

ANA, BEN = (a_schedule(a_layer(name, start="2026-01-01 00:00")) for name in ("ana", "ben"))
WEEKLY = a_schedule()


def told(found):
    return [(f"{shift.starts_at:%m-%d %H:%M}", names(shift.on_call)) for shift in found]


def test_each_moment_is_answered_by_the_revision_that_stood_then():
    history = revisions(("2026-11-10", ANA), ("2026-11-12", BEN))
    assert told(shifts_of(history, utc("2026-11-09"), utc("2026-11-20"))) == [
        ("11-09 00:00", []),
        ("11-10 00:00", ["ana"]),
        ("11-12 00:00", ["ben"]),
    ]


def test_a_change_that_changes_nobody_s_turn_does_not_cut_a_shift():
    history = revisions(("2026-11-10", ANA), ("2026-11-12", ANA))
    [shift] = shifts_of(history, utc("2026-11-11"), utc("2026-11-20"))
    assert (shift.starts_at, shift.ends_at) == (utc("2026-11-11"), utc("2026-11-20"))


def test_nobody_was_on_call_while_the_schedule_had_ended():
    history = revisions(("2026-11-10", ANA), ("2026-11-12", None), ("2026-11-14", ANA))
    assert told(shifts_of(history, utc("2026-11-10"), utc("2026-11-20")))[1:] == [
        ("11-12 00:00", []),
        ("11-14 00:00", ["ana"]),
    ]


def test_the_newest_revision_stands_for_all_of_the_future():
    history = revisions(("2026-11-01", ANA), ("2026-11-02", WEEKLY))
    start, end = utc("2030-01-01"), utc("2030-06-01")
    assert shifts_of(history, start, end) == shifts(WEEKLY, start, end)


def test_without_any_revision_nobody_is_on_call():
    assert told(shifts_of([], utc("2026-11-01"), utc("2026-11-02"))) == [("11-01 00:00", [])]


@pytest.mark.parametrize("weeks", range(1, 8))
def test_the_shift_around_a_moment_is_the_one_that_holds_it(weeks):
    history, at = revisions(("2026-01-01", a_schedule(a_layer("ana", "ben", length=weeks)))), utc("2027-06-01 10:00")
    month = shifts_of(history, at - timedelta(days=31), at + timedelta(days=31))
    assert shift_around(history, at) == next(s for s in month if at < s.ends_at)


def test_a_moment_at_a_handoff_belongs_to_the_next_one():
    assert names(shift_around(revisions(("2026-01-01", WEEKLY)), utc("2026-11-09 08:00")).on_call) == ["ben"]


def test_of_a_shift_that_never_ends_a_month_around_is_shown():
    around = shift_around(revisions(("2026-01-01", ANA)), utc("2026-11-10"))
    assert (around.starts_at, around.ends_at) == (utc("2026-10-10"), utc("2026-12-11"))


def test_a_duty_goes_on_whoever_comes_and_goes_beside_it():
    schedule = a_schedule(overrides=[an_override(add("eve"), "2026-11-10 10:00", "2026-11-10 12:00")])
    found = duties_of(schedule, shifts(schedule, utc("2026-11-09"), utc("2026-11-17")))
    assert [(d.person_id, f"{d.starts_at:%d %H}", f"{d.ends_at:%d %H}", d.begun, d.ended) for d in found] == [
        ("ana", "09 00", "09 08", False, True),
        ("ben", "09 08", "16 08", True, True),
        ("eve", "10 10", "10 12", True, True),
        ("ana", "16 08", "17 00", True, False),
    ]
