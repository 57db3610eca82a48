from datetime import timedelta
from time import process_time
from zoneinfo import ZoneInfo

import pytest
from fakes.schedule_builders import (
    WORKDAYS,
    a_layer,
    a_rotation,
    a_schedule,
    add,
    an_override,
    hours,
    names,
    remove,
    replace_by,
    utc,
)

from pager_domain.policy.rota import on_call, shifts, turns
from pager_domain.policy.schedules import OnCall, Unit, Weekday

MONDAY = "2026-11-02 08:00"  # nine o'clock in Berlin


def told(schedule, start, end):
    """The shifts as (from, names), in UTC."""
    return [(f"{s.starts_at:%m-%d %H:%M}", names(s.on_call)) for s in shifts(schedule, utc(start), utc(end))]


def test_people_take_turns_of_a_week_from_monday_nine_o_clock_on():
    assert told(a_schedule(a_layer("ana", "ben")), MONDAY, "2026-11-24") == [
        ("11-02 08:00", ["ana"]),
        ("11-09 08:00", ["ben"]),
        ("11-16 08:00", ["ana"]),
        ("11-23 08:00", ["ben"]),
    ]


def test_nobody_is_on_call_before_the_first_turn():
    assert told(a_schedule(), "2026-11-02", "2026-11-03") == [("11-02 00:00", []), ("11-02 08:00", ["ana"])]


def test_a_day_is_handed_over_at_the_same_local_time_when_the_clocks_change():
    daily = a_schedule(a_layer("ana", "ben", unit=Unit.DAY, start="2026-10-23 09:00"))
    assert told(daily, "2026-10-24 07:00", "2026-10-27") == [
        ("10-24 07:00", ["ben"]),
        ("10-25 08:00", ["ana"]),
        ("10-26 08:00", ["ben"]),
    ]


def test_hours_pass_whatever_the_clocks_show():
    hourly = a_schedule(a_layer("ana", "ben", unit=Unit.HOUR, length=12, start="2026-10-24 21:00"))
    assert told(hourly, "2026-10-24 19:00", "2026-10-26") == [
        ("10-24 19:00", ["ana"]),
        ("10-25 07:00", ["ben"]),
        ("10-25 19:00", ["ana"]),
    ]


def test_a_handoff_that_the_clocks_skip_is_at_the_change_and_one_that_comes_twice_at_the_first_time():
    nightly = a_schedule(a_layer("ana", "ben", unit=Unit.DAY, start="2026-03-28 02:30"))
    assert told(nightly, "2026-03-28 12:00", "2026-03-30 12:00")[1:] == [
        ("03-29 01:00", ["ben"]),
        ("03-30 00:30", ["ana"]),
    ]
    assert [start for start, _ in told(nightly, "2026-10-24 12:00", "2026-10-26 12:00")[1:]] == [
        "10-25 00:30",
        "10-26 01:30",
    ]


def test_a_person_may_have_several_turns_and_a_turn_several_units():
    schedule = a_schedule(a_layer("ana", "ana", "ben", unit=Unit.DAY, length=2))
    assert told(schedule, MONDAY, "2026-11-10") == [
        ("11-02 08:00", ["ana"]),
        ("11-06 08:00", ["ben"]),
        ("11-08 08:00", ["ana"]),
    ]


def test_a_later_layer_counts_where_it_names_somebody_and_the_one_before_shows_through_elsewhere():
    office = a_layer("cy", layer_id="office", restrictions=[hours(9, 17, *WORKDAYS)])
    schedule = a_schedule(a_layer("ana"), office)
    assert told(schedule, "2026-11-06 00:00", "2026-11-09 12:00") == [
        ("11-06 00:00", ["ana"]),
        ("11-06 08:00", ["cy"]),
        ("11-06 16:00", ["ana"]),
        ("11-09 08:00", ["cy"]),
    ]


def test_a_restriction_that_ends_before_it_begins_ends_on_the_next_day():
    night = a_layer("ana", restrictions=[hours(22, 6, Weekday.SATURDAY)])
    assert told(a_schedule(night), "2026-11-07 12:00", "2026-11-09") == [
        ("11-07 12:00", []),
        ("11-07 21:00", ["ana"]),
        ("11-08 05:00", []),
    ]


def test_a_restriction_from_midnight_to_midnight_is_the_whole_day():
    sunday = a_layer("ana", restrictions=[hours(0, 0, Weekday.SUNDAY)])
    assert told(a_schedule(sunday, zone="UTC"), "2026-11-07 12:00", "2026-11-09 12:00") == [
        ("11-07 12:00", []),
        ("11-08 00:00", ["ana"]),
        ("11-09 00:00", []),
    ]


def test_several_restrictions_count_each():
    schedule = a_schedule(a_layer("ana", restrictions=[hours(9, 12), hours(11, 13), hours(20, 21)]), zone="UTC")
    assert told(schedule, "2026-11-03", "2026-11-04") == [
        ("11-03 00:00", []),
        ("11-03 09:00", ["ana"]),
        ("11-03 13:00", []),
        ("11-03 20:00", ["ana"]),
        ("11-03 21:00", []),
    ]


def test_a_restriction_goes_on_when_the_clock_goes_back_behind_midnight():
    # In St. John's it was one past midnight on the 7th of November 2010, and then one past eleven on the 6th again.
    sunday = a_layer("ana", start="2010-11-01 00:00", restrictions=[hours(0, 8, Weekday.SUNDAY)])
    schedule = a_schedule(sunday, zone="America/St_Johns")
    assert names(on_call(schedule, utc("2010-11-07 02:29"))) == []
    assert names(on_call(schedule, utc("2010-11-07 02:30"))) == ["ana"]
    assert names(on_call(schedule, utc("2010-11-07 02:45"))) == ["ana"]


def test_a_day_that_a_zone_skips_is_nobody_s_turn():
    daily = a_schedule(a_layer("ana", "ben", "cy", unit=Unit.DAY, start="2011-12-29 00:00"), zone="Pacific/Apia")
    assert told(daily, "2011-12-29 10:00", "2012-01-01 10:00") == [
        ("12-29 10:00", ["ana"]),
        ("12-30 10:00", ["cy"]),
        ("12-31 10:00", ["ana"]),
    ]


def test_a_turn_has_some_time():
    rotation = a_rotation("ana", "ben", unit=Unit.DAY, start="2011-12-28 00:00")
    found = list(turns(rotation, ZoneInfo("Pacific/Apia"), utc("2011-12-29 09:00"), utc("2012-01-03")))
    assert len(found) == 6
    assert all(turn.starts_at < turn.ends_at for turn in found)


def test_a_layer_with_times_counts_only_between_them():
    week = a_layer("eve", layer_id="trip", start="2026-11-01 00:00", begins="2026-11-04 00:00", ends="2026-11-05 00:00")
    assert told(a_schedule(a_layer("ana"), week), "2026-11-03", "2026-11-06") == [
        ("11-03 00:00", ["ana"]),
        ("11-04 00:00", ["eve"]),
        ("11-05 00:00", ["ana"]),
    ]


def test_nothing_shows_through_a_covering_layer_also_where_it_names_nobody():
    cover = a_layer(
        "eve",
        layer_id="holidays",
        start="2026-11-04 09:00",
        begins="2026-11-04 00:00",
        ends="2026-11-05 00:00",
        covering=True,
    )
    assert told(a_schedule(a_layer("ana"), cover), "2026-11-03", "2026-11-06") == [
        ("11-03 00:00", ["ana"]),
        ("11-04 00:00", []),
        ("11-04 08:00", ["eve"]),
        ("11-05 00:00", ["ana"]),
    ]


DAY = ("2026-11-03 10:00", "2026-11-03 12:00")
ON_TUESDAY = "2026-11-03 11:00"


def overridden(*changes):
    overrides = [an_override(change, *DAY, override_id=f"o-{at}") for at, change in enumerate(changes)]
    return on_call(a_schedule(overrides=overrides), utc(ON_TUESDAY))


ANA = OnCall("ana", "primary")


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ([add("eve")], (ANA, OnCall("eve", None, "o-0"))),
        ([add("ana")], (ANA,)),
        ([remove("ana")], ()),
        ([remove("eve")], (ANA,)),
        ([replace_by("eve")], (OnCall("eve", "primary", "o-0"),)),
        ([replace_by("eve", "ana")], (OnCall("eve", "primary", "o-0"),)),
        ([replace_by("eve", "ben")], (ANA,)),
        ([replace_by("ana")], (ANA,)),
        ([remove("ana"), replace_by("eve")], (OnCall("eve", None, "o-1"),)),
        ([remove("ana"), add("eve"), replace_by("fay", "eve")], (OnCall("fay", None, "o-2"),)),
        ([add("eve"), replace_by("eve", "ana")], (OnCall("eve", None, "o-0"),)),
        ([add("eve"), replace_by("fay")], (OnCall("fay", "primary", "o-1"),)),
        ([add("eve"), remove("ana")], (OnCall("eve", None, "o-0"),)),
        ([remove("eve"), add("eve")], (ANA, OnCall("eve", None, "o-1"))),
    ],
)
def test_overrides_count_in_their_order_on_top_of_all_layers(changes, answer):
    assert overridden(*changes) == answer


def test_an_override_counts_from_its_start_up_to_its_end():
    schedule = a_schedule(overrides=[an_override(replace_by("eve"), *DAY)])
    assert told(schedule, "2026-11-03", "2026-11-04") == [
        ("11-03 00:00", ["ana"]),
        ("11-03 10:00", ["eve"]),
        ("11-03 12:00", ["ana"]),
    ]


def test_an_override_of_one_person_leaves_the_shifts_of_others_alone():
    long = an_override(replace_by("eve", "ben"), "2026-11-03 00:00", "2026-11-20 00:00")
    assert told(a_schedule(overrides=[long]), MONDAY, "2026-11-23 08:00") == [
        ("11-02 08:00", ["ana"]),
        ("11-09 08:00", ["eve"]),
        ("11-16 08:00", ["ana"]),
    ]


def test_equal_neighbours_are_one_shift():
    [shift] = shifts(a_schedule(a_layer("ana", unit=Unit.DAY)), utc(MONDAY), utc("2026-12-01"))
    assert shift.length == timedelta(days=28, hours=16)


def test_no_span_has_no_shifts():
    assert shifts(a_schedule(), utc(MONDAY), utc(MONDAY)) == []
    assert shifts(a_schedule(), utc(MONDAY), utc("2026-11-01")) == []


def test_the_answer_costs_the_same_years_after_the_start():
    """A walk from the start would pass 700,000 turns a question."""
    schedule = a_schedule(a_layer("ana", "ben", unit=Unit.HOUR, start="1970-01-01 00:00"))
    begun = process_time()
    for day in range(100):
        assert on_call(schedule, utc("2049-01-01") + timedelta(days=day))
    assert process_time() - begun < 1


def test_a_day_ahead_of_a_weekly_rotation_of_two_layers_is_a_small_thing():
    schedule = a_schedule(
        a_layer(start="2019-11-04 09:00"), a_layer("cy", "dan", layer_id="b", start="2019-11-04 09:00")
    )
    begun = process_time()
    for day in range(100):
        shifts(schedule, utc("2026-11-10") + timedelta(days=day), utc("2026-11-11 01:00") + timedelta(days=day))
    assert (process_time() - begun) / 100 < 0.001  # it takes less than a tenth of that
