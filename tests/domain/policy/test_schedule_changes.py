from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.roster_builders import refused_field
from fakes.schedule_builders import a_layer, a_schedule, a_swap, add, an_override, names, utc

from pager_domain.errors import InvalidField
from pager_domain.policy.rota import on_call
from pager_domain.policy.schedule_changes import (
    Naming,
    naming_of,
    redefined,
    shift_swap_in,
    with_answer,
    with_override,
    with_shift_swap,
    without_override,
)
from pager_domain.policy.schedule_errors import (
    NotOnCall,
    OverrideExists,
    OverrideUnknown,
    ShiftSwapAnswered,
    ShiftSwapExists,
    ShiftSwapOver,
    ShiftSwapUnknown,
)
from pager_domain.policy.schedules import SwapState

NOW = utc("2026-11-03 09:00")
SPAN = ("2026-11-03 10:00", "2026-11-03 12:00")
EVE = an_override(add("eve"), *SPAN)
ACCEPTED, DECLINED, WITHDRAWN = SwapState.ACCEPTED, SwapState.DECLINED, SwapState.WITHDRAWN


def requested():
    return with_shift_swap(a_schedule(), a_swap(), NOW)


def state_in(schedule):
    return shift_swap_in(schedule, "s-1").state


def test_a_person_is_named_by_a_layer_or_else_by_an_override_or_else_by_a_shift_swap():
    cy = an_override(add("cy"), *SPAN, override_id="o-2")
    schedule = a_schedule(
        a_layer("ana"), overrides=(EVE, cy), shift_swaps=(a_swap("ana", "ben"), a_swap(swap_id="s-2"))
    )
    places = {person: naming_of(schedule, person, NOW) for person in ("ana", "ben", "cy", "eve", "zoe")}
    assert places == {
        "ana": Naming(),
        "ben": Naming(shift_swap_id="s-1"),
        "cy": Naming(override_id="o-2"),
        "eve": Naming(override_id="o-1"),
        "zoe": None,
    }


def test_what_has_been_over_for_more_than_30_days_names_nobody():
    schedule = a_schedule(overrides=(EVE,), shift_swaps=(a_swap("ana", "dan"),))
    last = EVE.ends_at + timedelta(days=30)
    assert naming_of(schedule, "eve", last) == Naming(override_id="o-1")
    assert naming_of(schedule, "dan", last) == Naming(shift_swap_id="s-1")
    assert naming_of(schedule, "eve", last + timedelta(microseconds=1)) is None
    assert naming_of(schedule, "dan", last + timedelta(microseconds=1)) is None
    assert naming_of(schedule, "ana", last + timedelta(days=1000)) == Naming()


def test_a_new_definition_keeps_overrides_and_shift_swaps():
    before = with_override(requested(), EVE, NOW)
    after = redefined(before, a_schedule(a_layer("cy"), display_name="Shop"), NOW)
    assert (after.display_name, after.layers[0].rotation.people) == ("Shop", ("cy",))
    assert (after.overrides, after.shift_swaps) == (before.overrides, before.shift_swaps)


def test_the_same_definition_is_no_change_even_when_something_old_could_go():
    before = with_override(a_schedule(), EVE, NOW)
    assert redefined(before, a_schedule(), NOW + timedelta(days=90)) is before


def test_a_later_override_counts_on_top():
    schedule = with_override(a_schedule(), EVE, NOW)
    schedule = with_override(schedule, an_override(add("fay"), *SPAN, override_id="a"), NOW)
    assert names(on_call(schedule, utc("2026-11-03 11:00"))) == ["ana", "eve", "fay"]


def test_an_override_that_is_there_is_no_change_also_when_it_is_over():
    schedule = with_override(a_schedule(), EVE, NOW)
    assert with_override(schedule, EVE, NOW + timedelta(days=3)) is schedule


def test_an_override_with_other_content_is_refused():
    schedule = with_override(a_schedule(), EVE, NOW)
    with pytest.raises(OverrideExists):
        with_override(schedule, replace(EVE, reason="other"), NOW)


def test_an_override_that_is_over_is_refused():
    assert refused_field(lambda: with_override(a_schedule(), EVE, EVE.ends_at)) == "override.end_time"
    assert not refused_field(lambda: with_override(a_schedule(), EVE, EVE.ends_at - timedelta(seconds=1)))


def test_the_ids_of_overrides_by_shift_swaps_are_theirs():
    taken = an_override(add("eve"), *SPAN, override_id="swap/s-1")
    assert refused_field(lambda: with_override(a_schedule(), taken, NOW)) == "override.override_id"


def test_an_override_is_taken_back():
    schedule = without_override(with_override(a_schedule(), EVE, NOW), EVE.override_id, NOW)
    assert schedule == a_schedule()
    with pytest.raises(OverrideUnknown):
        without_override(schedule, EVE.override_id, NOW)


def test_what_is_over_for_more_than_thirty_days_goes_with_the_next_change():
    old = with_override(requested(), EVE, NOW)
    later = an_override(add("fay"), "2027-01-01", "2027-01-02", override_id="later")
    thirty_days = EVE.ends_at + timedelta(days=30)
    kept = with_override(old, later, thirty_days)
    assert (kept.overrides, kept.shift_swaps) == ((EVE, later), old.shift_swaps)
    gone = with_override(old, later, thirty_days + timedelta(microseconds=1))
    assert (gone.overrides, gone.shift_swaps) == ((later,), ())


def test_a_full_schedule_has_room_again_when_something_is_old():
    start, end = SPAN
    full = a_schedule(overrides=[an_override(add("eve"), start, end, override_id=str(n)) for n in range(500)])
    later = an_override(add("fay"), "2027-01-01", "2027-01-02", override_id="later")
    with pytest.raises(InvalidField):
        with_override(full, later, NOW)
    assert with_override(full, later, NOW + timedelta(days=40)).overrides == (later,)


def test_a_requested_shift_swap_changes_nothing_until_it_is_accepted():
    schedule = requested()
    assert state_in(schedule) is SwapState.REQUESTED
    assert names(on_call(schedule, utc("2026-11-03 11:00"))) == ["ana"]
    accepted = with_answer(schedule, "s-1", ACCEPTED, NOW)
    assert state_in(accepted) is ACCEPTED
    assert [names(on_call(accepted, utc(f"2026-11-03 {hour}:00"))) for hour in ("09", "11", "12")] == [
        ["ana"],
        ["ben"],
        ["ana"],
    ]


@pytest.mark.parametrize("answer", [DECLINED, WITHDRAWN])
def test_a_shift_swap_that_is_not_accepted_makes_no_override(answer):
    schedule = with_answer(requested(), "s-1", answer, NOW)
    assert (state_in(schedule), schedule.overrides) == (answer, ())


@pytest.mark.parametrize("answer", [ACCEPTED, DECLINED, WITHDRAWN])
def test_the_same_answer_again_is_no_change_and_another_one_is_refused(answer):
    schedule = with_answer(requested(), "s-1", answer, NOW)
    assert with_answer(schedule, "s-1", answer, NOW + timedelta(days=3)) is schedule
    for other in {ACCEPTED, DECLINED, WITHDRAWN} - {answer}:
        with pytest.raises(ShiftSwapAnswered) as refused:
            with_answer(schedule, "s-1", other, NOW)
        assert refused.value.state == answer.value


def test_the_same_request_again_is_no_change_also_when_it_was_answered():
    schedule = requested()
    assert with_shift_swap(schedule, a_swap(), NOW) is schedule
    answered = with_answer(schedule, "s-1", DECLINED, NOW)
    assert with_shift_swap(answered, a_swap(), NOW + timedelta(days=3)) is answered
    with pytest.raises(ShiftSwapExists):
        with_shift_swap(schedule, a_swap(reason="other"), NOW)


def test_whoever_gives_must_be_on_call_at_some_time_of_the_swap():
    with pytest.raises(NotOnCall):
        with_shift_swap(a_schedule(), a_swap("ben", "ana"), NOW)
    into_the_week_of_ben = a_swap("ben", "ana", "2026-11-08 12:00", "2026-11-10 12:00")
    assert with_shift_swap(a_schedule(), into_the_week_of_ben, NOW).shift_swaps


def test_a_shift_swap_is_not_accepted_when_whoever_gives_is_not_on_call_any_more():
    schedule = redefined(requested(), a_schedule(a_layer("cy")), NOW)
    with pytest.raises(NotOnCall):
        with_answer(schedule, "s-1", ACCEPTED, NOW)
    assert state_in(with_answer(schedule, "s-1", DECLINED, NOW)) is DECLINED


def test_a_shift_swap_that_is_over_is_neither_requested_nor_answered():
    end = a_swap().ends_at
    assert refused_field(lambda: with_shift_swap(a_schedule(), a_swap(), end)) == "shift_swap.end_time"
    for answer in (ACCEPTED, DECLINED, WITHDRAWN):
        with pytest.raises(ShiftSwapOver):
            with_answer(requested(), "s-1", answer, end)


def test_taking_back_the_override_of_a_shift_swap_withdraws_it():
    schedule = without_override(with_answer(requested(), "s-1", ACCEPTED, NOW), "swap/s-1", NOW)
    assert (state_in(schedule), schedule.overrides) == (WITHDRAWN, ())


def test_a_shift_swap_that_is_not_there_is_unknown():
    with pytest.raises(ShiftSwapUnknown):
        with_answer(a_schedule(), "s-1", ACCEPTED, NOW)
    with pytest.raises(ShiftSwapUnknown):
        shift_swap_in(a_schedule(), "s-1")
