"""What a person reads at night."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from builders import NOON, a_page, a_service, after, an_alert, an_incident
from hypothesis import given
from hypothesis import strategies as st

from pager_domain.kernel import MonitoredServiceId, email_target, sms_target
from pager_domain.pager.events import Link, Severity
from pager_domain.pager.notification import Notification
from pager_domain.pager.page_text import MAX_BODY_BYTES, MAX_SMS_CHARACTERS, page_text
from pager_domain.pager.targets import Channel


def an_incident_about(service="checkout", message="payments fail", level=2, **alert):
    event = an_alert(message, **alert)
    return an_incident(monitored_service_id=MonitoredServiceId(service), alert=event, cycle=1, level=level)


def test_an_email_says_service_message_level_when_and_how_to_acknowledge():
    subject, body = page_text(
        an_incident_about(severity=Severity.ERROR), Channel.EMAIL, after(minutes=15), after(minutes=15)
    )
    assert subject == "[ERROR] checkout: payments fail"
    for said in ("checkout", "payments fail", "Level:     2", "2026-03-01 12:00:00 UTC", "2026-03-01 12:15:00 UTC"):
        assert said in body
    assert "pagerctl ack checkout --by YOU --incident incident-1" in body
    assert "pagerctl healthy checkout" in body
    assert "incident-1" in body


def test_an_email_says_links_details_and_the_cycle_of_a_repeat():
    alert = an_alert(details="stack\ntrace", links=(Link("https://runbook.example/1", "runbook"),))
    _, body = page_text(an_incident(alert=alert, cycle=3, level=1), Channel.EMAIL, NOON, NOON)
    assert "https://runbook.example/1 runbook" in body
    assert body.endswith("Details:\nstack\ntrace\n")
    assert "Level:     1 (cycle 3)" in body


def test_an_sms_says_service_message_level_and_how_to_acknowledge():
    subject, body = page_text(an_incident_about(message="payments\n  fail"), Channel.SMS, NOON, NOON)
    assert subject == ""
    assert body == "CRITICAL checkout: payments fail | level 2 | ack: pagerctl ack checkout --by YOU"


@pytest.mark.parametrize(
    ("seconds", "delay"),
    [(0, ""), (59, ""), (60, "1 min"), (3599, "59 min"), (7260, "2 h 1 min"), (90_000, "25 h 0 min")],
)
def test_a_page_that_is_a_minute_late_says_how_late(seconds, delay):
    incident, now = an_incident(), after(seconds)
    subject, email = page_text(incident, Channel.EMAIL, now, NOON)
    _, sms = page_text(incident, Channel.SMS, now, NOON)
    if delay:
        assert f"[{delay} late]" in subject
        assert f"({delay} late" in email
        assert sms.startswith(f"{delay} LATE: ")
    else:
        assert "late" not in f"{subject}{email}{sms}".lower()


def test_the_pages_of_a_level_by_the_same_way_are_told_apart_and_the_first_is_as_ever():
    incident = an_incident_about()
    for channel in Channel:
        first, again = (page_text(incident, channel, NOON, NOON, step) for step in (0, 1))
        assert first == page_text(incident, channel, NOON, NOON)
        assert "page 2" not in "".join(first)
        assert "page 2" in again[1]
        assert ("[page 2]" in again[0]) is (channel is Channel.EMAIL)


def test_an_sms_of_another_cycle_is_told_apart_too():
    incident = replace(an_incident_about(), cycle=2)
    _, sms = page_text(incident, Channel.SMS, NOON, NOON, 1)
    assert ", cycle 2, page 2 |" in sms


def test_a_name_that_a_shell_would_tear_apart_is_quoted():
    _, body = page_text(an_incident_about("my shop; rm -rf"), Channel.EMAIL, NOON, NOON)
    assert "pagerctl ack 'my shop; rm -rf' --by YOU" in body


_names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=255).filter(
    lambda name: name.strip() and len(name.encode()) <= 255
)
_messages = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=1024).filter(
    lambda text: text.strip() and len(text.encode()) <= 1024
)


@given(_names | st.sampled_from(["'" * 255, "x" * 255]), _messages | st.just("y" * 1024), st.integers(1, 20))
def test_an_sms_never_has_more_than_306_characters_and_always_some_of_the_message(service, message, level):
    _, body = page_text(an_incident_about(service, message, level), Channel.SMS, NOON, NOON)
    assert len(body) <= MAX_SMS_CHARACTERS
    assert f"| level {level}" in body
    assert "\n" not in body
    flat = " ".join(message.split())
    assert flat[:10] in body


def test_an_sms_that_is_cut_needs_no_other_alphabet_than_its_words():
    _, body = page_text(an_incident_about("s" * 255, "y" * 1024), Channel.SMS, NOON, NOON)
    assert len(body) == MAX_SMS_CHARACTERS
    assert body.isascii()


@given(_messages)
def test_a_subject_is_one_line_that_the_notifier_takes(message):
    subject, _ = page_text(an_incident_about(message=message), Channel.EMAIL, NOON, NOON)
    assert len(subject) <= 200
    assert len(subject.splitlines()) == 1


@pytest.mark.parametrize("sign", ["x", "é", "😀"])
def test_the_longest_email_fits_what_the_notifier_takes_and_still_says_how_to_acknowledge(sign):
    links = tuple(Link("https://example.com/" + "u" * 2028, "t" * 255) for _ in range(16))
    details = sign * (16 * 1024 // len(sign.encode()))
    incident = an_incident_about("s" * 255, sign * (1024 // len(sign.encode())), details=details, links=links)
    _, body = page_text(incident, Channel.EMAIL, NOON, NOON)
    assert MAX_BODY_BYTES - 8 <= len(body.encode()) <= MAX_BODY_BYTES
    assert body.endswith("…\n")
    assert "pagerctl ack" in body


WAYS = [{"person_id": person, "contact_method_id": way} for person in ("", "ana", "ben") for way in ("", "x", "ana")]


def test_the_id_of_a_page_is_derived_from_what_makes_it_one_page():
    page = a_page(1, level=2)
    assert page.notification_id == a_page(1, level=2).notification_id == "incident-1-1-2-" + page.notification_id[-12:]
    assert replace(page, step=1).notification_id == f"{page.notification_id}-1"
    assert len({replace(page, **way).notification_id for way in WAYS}) == len(WAYS)
    others = [a_page(1, level=3), a_page(1, cycle=2, level=2), a_page(3, level=2), a_page(2, level=2)]
    assert len({page.notification_id, *(other.notification_id for other in others)}) == 5


def test_the_id_of_a_page_does_not_change_with_words_or_address():
    service = a_service().monitored_service_id
    ids = {
        Notification(service, an_incident().incident_id, 1, 1, target, "s", body).notification_id
        for target in (email_target("ana", "ana@example.com"), email_target("ana", "other@example.com"))
        for body in ("a", "b")
    }
    assert ids == {"incident-1-1-1-d826f705094e"}
    by_sms = Notification(service, an_incident().incident_id, 1, 1, sms_target("ana", "+4915112345678"), "", "b")
    assert by_sms.notification_id not in ids


def test_moments_are_said_in_utc():
    _, body = page_text(
        an_incident(opened_at=datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)), Channel.EMAIL, NOON, NOON
    )
    assert "Opened:    2026-12-31 23:59:59 UTC" in body
