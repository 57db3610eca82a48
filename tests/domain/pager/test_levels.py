"""What a level owes to its targets: the plan of pages of one firing."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import a_level_of, a_method, a_person, a_rule, a_target
from hypothesis import given
from hypothesis import strategies as st

from pager_domain.errors import InvalidField
from pager_domain.pager.events import Severity
from pager_domain.pager.levels import (
    MAX_PAGES_PER_TARGET,
    ResolvedLevel,
    ResolvedRule,
    ResolvedStep,
    ResolvedTarget,
    addresses,
    pages_of,
)

ANA = a_person("ana", (0, "ana/mail"), (5, "ana/phone"))


def plan(level, severity=Severity.CRITICAL):
    """(minutes, person or target, contact method, step) of each page."""
    return [
        (page.delay / timedelta(minutes=1), page.target.target_id, page.way.contact_method_id, page.step)
        for page in pages_of(level, severity)
    ]


def test_an_address_gets_one_page_at_once():
    assert plan(addresses([a_target(1), a_target(2)])) == [(0, "person-1-1", "", 0), (0, "person-1-2", "", 0)]


def test_a_person_gets_each_step_after_its_delay():
    assert plan(a_level_of(ANA)) == [(0, "ana", "ana/mail", 0), (5, "ana", "ana/phone", 0)]


def test_steps_come_in_the_order_of_their_delays_however_they_are_written():
    ben = a_person("ben", (5, "ben/phone"), (0, "ben/mail"), every=5)
    assert plan(a_level_of(ben)) == [(0, "ben", "ben/mail", 0), (5, "ben", "ben/phone", 0), (10, "ben", "ben/phone", 1)]


def test_the_last_step_is_repeated_until_the_next_level_takes_over():
    ben = a_person("ben", (0, "ben/mail"), (2, "ben/phone"), every=4)
    phone = [(2, "ben", "ben/phone", 0), (6, "ben", "ben/phone", 1), (10, "ben", "ben/phone", 2)]
    assert plan(a_level_of(ben, minutes=14)) == [(0, "ben", "ben/mail", 0), *phone]
    assert plan(a_level_of(ben, minutes=15))[-1] == (14, "ben", "ben/phone", 3)


def test_no_page_is_due_when_the_next_level_is_or_after_it():
    assert plan(a_level_of(ANA, minutes=5)) == [(0, "ana", "ana/mail", 0)]


def test_whose_first_page_would_come_too_late_is_paged_at_once_so_that_nobody_is_left_out():
    late = a_person("ben", (20, "ben/mail"), (25, "ben/phone"))
    assert plan(a_level_of(late, minutes=15)) == [(0, "ben", "ben/mail", 0)]


def test_a_target_gets_no_more_than_100_pages_of_a_level():
    ben = a_person("ben", (0, "ben/phone"), every=1)
    pages = plan(a_level_of(ben, minutes=24 * 60))
    assert [minutes for minutes, *_ in pages] == list(range(MAX_PAGES_PER_TARGET))


def test_an_address_is_paged_once_a_moment_also_through_two_targets():
    on_call = replace(ANA, target_id="primary", schedule_id="primary")
    other = a_person("ben", (5, "ana/phone"), (6, "ana/phone"))
    pages = plan(a_level_of(ANA, on_call, other))
    assert pages == [(0, "ana", "ana/mail", 0), (5, "ana", "ana/phone", 0), (6, "ben", "ana/phone", 0)]


def test_the_same_address_in_other_letters_is_the_same_address():
    loud = ResolvedTarget("loud", ResolvedRule((ResolvedStep(_upper(a_method("ana/mail"))),)))
    assert plan(a_level_of(ANA, loud)) == plan(a_level_of(ANA))


@pytest.mark.parametrize(
    ("severity", "method"),
    [("critical", "ana/phone"), ("error", "ana/phone"), ("warning", "ana/mail"), ("info", "ana/mail")],
)
def test_warnings_and_information_page_by_the_rule_of_low_urgency(severity, method):
    ana = replace(a_person("ana", (0, "ana/phone")), low_urgency_rule=a_rule((0, "ana/mail")))
    assert plan(a_level_of(ana), Severity(severity)) == [(0, "ana", method, 0)]


def test_without_a_rule_of_low_urgency_that_of_high_urgency_counts():
    assert plan(a_level_of(ANA), Severity.INFO) == plan(a_level_of(ANA), Severity.CRITICAL)


_delays = st.lists(st.integers(0, 40), min_size=1, max_size=5)


@given(_delays, st.none() | st.integers(1, 9), st.integers(1, 30), _delays)
def test_whatever_the_rules_say_everybody_is_paged_in_time_and_no_page_comes_twice(delays, every, minutes, others):
    ana = a_person("ana", *((delay, "ana/phone") for delay in delays), every=every)
    ben = a_person("ben", *((delay, "ben/mail") for delay in others))
    pages = pages_of(a_level_of(ana, ben, minutes=minutes), Severity.CRITICAL)
    assert {page.target.target_id for page in pages} == {"ana", "ben"}
    assert all(page.delay < timedelta(minutes=minutes) for page in pages)
    assert (
        len({(page.notified, page.step) for page in pages}) == len({(p.notified, p.delay) for p in pages}) == len(pages)
    )


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (lambda: ResolvedRule(()), "steps"),
        (lambda: a_rule((0, "ana/mail"), every=0.99 / 60), "repeat_interval"),
        (lambda: a_rule((-1, "ana/mail")), "delay"),
        (lambda: a_rule((24 * 60 + 1, "ana/mail")), "delay"),
        (lambda: a_person("a" * 256, (0, "ana/mail")), "target_id"),
        (lambda: ResolvedLevel((ANA, ANA)), "targets"),
    ],
)
def test_a_level_that_makes_no_sense_is_refused(wrong, field):
    with pytest.raises(InvalidField) as refusal:
        wrong()
    assert refusal.value.field == field


def _upper(target):
    return replace(target, address=replace(target.address, value=target.address.value.upper()))
