"""The search can say no."""

from races.reference import Reference
from races.serial_order import Act, Done, can_follow

ALERT, ACKNOWLEDGE, HEALTHY = (Act(operation, "checkout") for operation in ("alert", "acknowledge", "healthy"))
OPENED, REPEATED, RESOLVED, NOTHING = ("i", True, 1), ("i", False, 2), ("i", True, 0), (None, False, 0)


def anything(_reference):
    return True


def is_fine(reference):
    return not reference.open


def test_calls_at_the_same_time_may_come_in_either_order():
    assert can_follow(Reference(), [Done(0, 9, HEALTHY, RESOLVED), Done(1, 8, ALERT, OPENED)], is_fine)
    assert can_follow(Reference(), [Done(0, 9, HEALTHY, NOTHING), Done(1, 8, ALERT, OPENED)], anything) is False
    assert can_follow(
        Reference(), [Done(0, 9, HEALTHY, "MonitoredServiceUnknown"), Done(1, 8, ALERT, OPENED)], anything
    )


def test_a_call_that_ended_before_another_began_came_before_it():
    assert can_follow(Reference(), [Done(2, 3, ALERT, OPENED), Done(0, 1, HEALTHY, RESOLVED)], anything) is False
    assert can_follow(Reference(), [Done(0, 1, ALERT, OPENED), Done(2, 3, ALERT, REPEATED)], anything)
    assert can_follow(Reference(), [Done(0, 1, ALERT, REPEATED), Done(2, 3, ALERT, OPENED)], anything) is False


def test_two_openings_of_one_service_have_no_order():
    assert can_follow(Reference(), [Done(0, 9, ALERT, OPENED), Done(1, 8, ALERT, ("j", True, 1))], anything) is False


def test_the_end_must_agree_too():
    done = [Done(0, 9, HEALTHY, RESOLVED), Done(1, 8, ALERT, OPENED)]
    assert can_follow(Reference(), done, lambda reference: reference.open) is False


def test_a_level_fires_before_an_acknowledgement_or_never():
    paged = [Done(0, 1, ALERT, OPENED), Done(2, 5, ACKNOWLEDGE, RESOLVED), Done(3, 4)]
    for number in (0, 2):
        assert can_follow(Reference(), paged, lambda reference, n=number: len(reference.pages) == n)
    late = [*paged[:2], Done(6, 7)]
    assert can_follow(Reference(), late, lambda reference: len(reference.pages) == 2) is False


def test_a_repeat_gets_the_first_answer_and_another_message_under_its_id_is_refused():
    first, other = Act("alert", "checkout", "r", "x"), Act("alert", "checkout", "r", "y")
    assert can_follow(Reference(), [Done(0, 9, first, OPENED), Done(1, 8, first, OPENED)], anything)
    assert can_follow(Reference(), [Done(0, 9, first, "RequestIdReused"), Done(1, 8, other, OPENED)], anything)
    assert can_follow(Reference(), [Done(0, 1, first, "RequestIdReused"), Done(2, 3, other, OPENED)], anything) is False
