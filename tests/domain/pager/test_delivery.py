"""What becomes of a claimed page."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOON, a_page

from pager_domain.kernel import email_target, sms_target
from pager_domain.pager.bundle_text import bundled
from pager_domain.pager.delivery import (
    answered_meanwhile,
    discreet,
    pause_before,
    quarantined,
    result_of,
    unreadable,
)
from pager_domain.pager.events import NotificationSettled, Outcome
from pager_domain.pager.ports.email_sender import FateUnknown, HandedOff, NotNow, Refused
from pager_domain.pager.ports.notification_outbox import Claim, Dissolved, Postponed, Settled


def a_claim(attempt=1):
    return Claim(a_page(), attempt, is_wanted=True)


@pytest.mark.parametrize(
    ("answer", "outcome", "rest"),
    [
        (HandedOff("smtp", "their-id"), Outcome.HANDED_OFF, ("smtp", "their-id", "", False)),
        (HandedOff("smtp", "their-id", possibly_duplicated=True), Outcome.HANDED_OFF, ("smtp", "their-id", "", True)),
        (Refused("no such user"), Outcome.UNDELIVERABLE, ("", "", "no such user", False)),
        (FateUnknown("gave up"), Outcome.IN_DOUBT, ("", "", "gave up", True)),
    ],
)
def test_a_final_answer_settles_the_page_with_a_line_that_says_how(answer, outcome, rest):
    page = a_page()
    event = NotificationSettled(page.notification_id, page.notified, 1, 1, outcome, *rest)
    assert result_of(a_claim(), answer) == Settled(a_claim(), outcome, (event,), reached=True)


def a_bundle_claim(attempt=1):
    return Claim(bundled([a_page(1), a_page(3)], NOON), attempt, is_wanted=True)


@pytest.mark.parametrize(
    ("answer", "outcome", "of_pages", "marked"),
    [
        (HandedOff("smtp"), Outcome.HANDED_OFF, Outcome.MERGED, False),
        (HandedOff("smtp", possibly_duplicated=True), Outcome.HANDED_OFF, Outcome.MERGED, True),
        (FateUnknown("gave up"), Outcome.IN_DOUBT, Outcome.IN_DOUBT, True),
    ],
)
def test_the_pages_of_a_bundle_end_with_it_and_say_so(answer, outcome, of_pages, marked):
    claim = a_bundle_claim()
    settled = result_of(claim, answer)
    assert settled.outcome is outcome
    assert [(e.notification_id, e.outcome, e.bundle_id, e.possibly_duplicated) for e in settled.events] == [
        (page.notification_id, of_pages, claim.notification.notification_id, marked) for page in claim.pages
    ]


def test_a_bundle_that_was_certainly_not_taken_is_dissolved():
    assert result_of(a_bundle_claim(), Refused("too long")) == Dissolved(a_bundle_claim(), "too long")


def test_a_bundle_that_may_have_been_taken_before_is_not_dissolved():
    settled = result_of(a_bundle_claim(attempt=2), Refused("too long"))
    assert {event.outcome for event in settled.events} == {Outcome.UNDELIVERABLE}


@pytest.mark.parametrize(("attempt", "marked"), [(1, False), (2, True)])
def test_a_page_that_is_refused_after_an_attempt_that_may_have_got_through_says_so(attempt, marked):
    line = result_of(a_claim(attempt), Refused("no such user")).events[0]
    assert (line.outcome, line.possibly_duplicated) == (Outcome.UNDELIVERABLE, marked)


def test_a_page_whose_attempts_end_without_a_word_is_quarantined_as_a_doubt():
    line = quarantined(replace(a_claim(4), lost_claims=3)).events[0]
    assert (line.outcome, line.possibly_duplicated) == (Outcome.IN_DOUBT, True)
    assert line.reason == "quarantined: 3 attempts in a row ended without a word"


def test_not_now_owes_the_page_again_when_the_other_side_said():
    answer = result_of(a_claim(), NotNow("busy", timedelta(seconds=7)))
    assert answer == Postponed(a_claim(), timedelta(seconds=7), "busy")


def test_not_now_because_nobody_is_there_says_so():
    assert result_of(a_claim(), NotNow("away", reached=False)).reached is False


@pytest.mark.parametrize(
    ("asked", "pause"),
    [
        (timedelta(seconds=-5), timedelta(seconds=0.5)),
        (timedelta(0), timedelta(seconds=0.5)),
        (timedelta(hours=1), timedelta(hours=1)),
        (timedelta(days=9999), timedelta(hours=1)),
    ],
)
def test_the_other_side_cannot_ask_for_a_pause_without_bounds(asked, pause):
    assert result_of(a_claim(), NotNow("busy", asked)).pause == pause


@pytest.mark.parametrize(("attempt", "longest"), [(1, 1), (2, 1), (3, 2), (4, 4), (5, 8), (6, 16), (7, 30), (99, 30)])
def test_pauses_grow_from_half_a_second_to_half_a_minute(attempt, longest):
    pauses = [pause_before(attempt).total_seconds() for _ in range(200)]
    assert min(pauses) >= 0.5
    assert max(pauses) <= longest
    assert max(pauses) - min(pauses) > 0.1


def test_not_now_without_a_word_when_uses_the_pause_before_the_next_attempt():
    pauses = [result_of(a_claim(attempt=5), NotNow("down")).pause.total_seconds() for _ in range(200)]
    assert 8 < max(pauses) <= 16


def test_a_page_whose_address_nobody_can_read_waits_a_minute_for_a_replica_that_can():
    waits = unreadable(replace(a_claim(), age=timedelta(seconds=59)))
    assert isinstance(waits, Postponed)
    ends = unreadable(replace(a_claim(7), age=timedelta(seconds=60)))
    assert (ends.outcome, ends.events[0].possibly_duplicated) == (Outcome.UNDELIVERABLE, False)
    assert waits.reason == ends.events[0].reason == "the address is sealed with a key that this pager does not have"


@pytest.mark.parametrize("answer", [Refused, NotNow, FateUnknown])
@pytest.mark.parametrize(
    ("target", "said", "kept"),
    [
        (email_target("ana", "Ana@example.com"), "550 <ana@EXAMPLE.com>: unknown", "550 <…@example.com>: unknown"),
        (sms_target("ana", "+4915112345678"), "'To' +4915112345678 is no mobile", "'To' +…78 is no mobile"),
        (sms_target("ana", "+4915112345678"), "To=%2B4915112345678 refused", "To=%2B…78 refused"),
        (sms_target("ana", "+4915112345678"), "the queue is full", "the queue is full"),
    ],
)
def test_what_a_provider_says_is_kept_without_the_address(answer, target, said, kept):
    assert discreet(answer(said), target) == answer(kept)


def test_where_a_page_went_is_no_secret_of_its_provider():
    assert discreet(HandedOff("smtp", "their-id"), email_target("ana", "ana@example.com")) == HandedOff(
        "smtp", "their-id"
    )


@pytest.mark.parametrize(("attempt", "maybe"), [(1, False), (2, True)])
def test_a_page_of_an_answered_incident_is_cancelled_and_says_if_it_may_have_arrived(attempt, maybe):
    event = answered_meanwhile(a_claim(attempt)).events[0]
    assert (event.outcome, event.possibly_duplicated) == (Outcome.CANCELLED, maybe)
    assert event.reason
