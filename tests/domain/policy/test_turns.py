from hypothesis import given
from hypothesis import strategies as st

from pager_domain.kernel import PolicyId
from pager_domain.policy.turns import Seat, Turns

SHOP = PolicyId("shop")


def seat(incident_id, level=1):
    return Seat(SHOP, level, incident_id)


def test_incidents_take_turns_and_each_keeps_its_own():
    first = Turns({}, {}).given([seat("a"), seat("b")])
    again = first.given([seat("b"), seat("c"), seat("a")])
    assert [again.of(seat(incident)) for incident in "abc"] == [0, 1, 2]


def test_each_level_counts_for_itself():
    turns = Turns({}, {}).given([seat("a"), seat("a", level=2), seat("b", level=2)])
    assert (turns.of(seat("a")), turns.of(seat("a", level=2)), turns.of(seat("b", level=2))) == (0, 0, 1)


def test_without_an_incident_the_next_turn_is_shown_and_not_taken():
    turns = Turns({}, {(SHOP, 1): 7})
    assert turns.of(seat("")) == 7
    assert turns.given([]) == turns


@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=6), max_size=6))
def test_no_two_incidents_have_the_same_turn_and_none_is_left_out(batches):
    turns = Turns({}, {})
    for batch in batches:
        turns = turns.given([seat(incident) for incident in batch])
    asked = {incident for batch in batches for incident in batch}
    assert sorted(turns.taken.values()) == list(range(len(asked)))
