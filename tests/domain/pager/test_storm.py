"""How much one recipient gets one by one, and what becomes of the rest."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOON, a_page, after
from hypothesis import given
from hypothesis import strategies as st

from pager_domain.pager.events import MOST_SEVERE_FIRST, Severity
from pager_domain.pager.storm import Pace, Traffic, arranged, uses_the_last_message

PACE = Pace(burst=3, interval=timedelta(seconds=10))


def pages(*severities):
    return [replace(a_page(2 * n + 1), severity=severity) for n, severity in enumerate(severities)]


def owed(number, severity=Severity.ERROR):
    return pages(*[severity] * number)


def used(messages, severity=Severity.ERROR, now=NOON):
    """The traffic of somebody who was calm and got so many messages at ``now``."""
    return arranged(PACE, None, owed(messages, severity), now).traffic


def test_somebody_calm_gets_a_burst_one_by_one():
    arrangement = arranged(PACE, None, owed(3), NOON)
    assert (list(arrangement.alone), arrangement.together, arrangement.later) == (owed(3), (), ())
    assert arrangement.traffic == Traffic(after(seconds=30), Severity.ERROR)


def test_of_more_than_a_burst_the_last_message_carries_the_rest():
    arrangement = arranged(PACE, None, owed(40), NOON)
    assert (len(arrangement.alone), len(arrangement.together), arrangement.later) == (2, 38, ())


def test_after_a_burst_pages_wait_for_the_next_message_and_then_go_together():
    waiting = arranged(PACE, used(3), owed(2), after(seconds=4))
    assert (waiting.alone, waiting.together, len(waiting.later)) == ((), (), 2)
    assert waiting.later_at == after(seconds=10)
    assert waiting.traffic == used(3)
    assert len(arranged(PACE, waiting.traffic, owed(2), waiting.later_at).together) == 2


def test_a_single_page_that_waited_goes_alone():
    assert len(arranged(PACE, used(3), owed(1), after(seconds=10)).alone) == 1


@pytest.mark.parametrize(("seconds", "free"), [(0, 0), (9, 0), (10, 1), (19, 1), (20, 2), (29, 2), (30, 3), (9999, 3)])
def test_a_message_becomes_free_each_interval_until_the_burst_is_whole(seconds, free):
    now = after(seconds=seconds)
    assert [uses_the_last_message(PACE, used(3), n, now) for n in range(5)] == [n >= free for n in range(5)]
    arrangement = arranged(PACE, used(3), owed(4), now)
    assert len(arrangement.alone) + bool(arrangement.together) == free


def test_who_was_never_paged_has_a_whole_burst():
    assert [uses_the_last_message(PACE, None, n, NOON) for n in range(4)] == [False, False, False, True]


def test_a_page_more_severe_than_the_storm_never_waits_and_makes_nobody_wait_longer():
    worse = pages(Severity.CRITICAL, Severity.ERROR)
    arrangement = arranged(PACE, used(3), worse, after(seconds=1))
    assert (list(arrangement.alone), list(arrangement.later)) == (worse[:1], worse[1:])
    assert arrangement.later_at == after(seconds=10)
    assert arrangement.traffic == replace(used(3), most_severe=Severity.CRITICAL)


def test_the_second_page_as_severe_waits_like_the_others():
    first = arranged(PACE, used(3), owed(1, Severity.CRITICAL), after(seconds=1))
    second = arranged(PACE, first.traffic, owed(1, Severity.CRITICAL), after(seconds=2))
    assert (second.alone, len(second.later)) == ((), 1)


def test_when_it_is_calm_again_the_storm_is_forgotten():
    traffic = arranged(PACE, used(3, Severity.CRITICAL), owed(1), after(seconds=31)).traffic
    assert traffic == Traffic(after(seconds=41), Severity.ERROR)


steps = st.lists(
    st.tuples(st.integers(0, 40), st.lists(st.sampled_from(MOST_SEVERE_FIRST), min_size=1, max_size=9)), max_size=12
)


@given(steps, st.integers(1, 4))
def test_every_page_leaves_within_an_interval_and_messages_keep_the_pace(story, burst):
    """Whoever is told when pages wait, and comes back at that moment, has sent each page an interval later at most."""
    pace, traffic, waiting, now, number, left = Pace(burst, timedelta(seconds=10)), None, [], NOON, 0, []
    for pause, severities in [*story, (10, [Severity.INFO])]:
        now += timedelta(seconds=pause)
        for severity in severities:
            waiting.append((now, replace(a_page(2 * number + 1), severity=severity)))
            number += 1
        while waiting:
            due = sorted((page for _, page in waiting), key=lambda page: MOST_SEVERE_FIRST.index(page.severity))
            arrangement = arranged(pace, traffic, due, now)
            traffic, since = arrangement.traffic, {page: began for began, page in waiting}
            gone = {*arrangement.alone, *arrangement.together}
            assert gone | {*arrangement.later} == {*due}
            assert all(now - since[page] <= pace.interval for page in gone)
            left += [now] * (len(arrangement.alone) + bool(arrangement.together))
            waiting = [(began, page) for began, page in waiting if page not in gone]
            now = arrangement.later_at or now
    most = burst + len(MOST_SEVERE_FIRST) - 1  # each severity may break out once
    assert all(sum(begin <= at < begin + pace.interval for at in left) <= most + 1 for begin in left)
