"""Every field one below its limit, at it and one over."""

from datetime import UTC, datetime

import pytest
from builders import a_level, a_policy, raising

from pager_domain.errors import InvalidField
from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.events import Acknowledgement, Alert, HealthyEvent, IncidentId, Link
from pager_domain.pager.levels import EmptyLevel
from pager_domain.pager.model import EscalationPolicy, Request

LINK = Link("https://example.com")


def a_link(length):
    return Link("https://" + "x" * (length - len("https://")))


BYTE_LIMITS = [
    ("monitored_service_id", 255, raising),
    ("request_id", 255, lambda text: raising(request_id=text)),
    ("message", 1024, Alert),
    ("dedup_key", 255, lambda text: Alert("m", dedup_key=text)),
    ("details", 16 * 1024, lambda text: Alert("m", details=text)),
    ("text", 255, lambda text: Link(LINK.url, text)),
    ("url", 2048, lambda text: a_link(len(text.encode()))),
    ("acknowledged_by", 255, Acknowledgement),
    ("note", 1024, lambda text: Acknowledgement("ana", text)),
    ("incident_id", 255, lambda text: Acknowledgement("ana", incident_id=IncidentId(text))),
    ("dedup_key", 255, HealthyEvent),
]
IDS = [limit[0] for limit in BYTE_LIMITS]


@pytest.mark.parametrize(("field", "limit", "make"), BYTE_LIMITS, ids=IDS)
def test_a_text_is_taken_up_to_its_limit_and_refused_one_over(field, limit, make):
    for length in (limit - 1, limit):
        assert make("x" * length)
    with pytest.raises(InvalidField) as refusal:
        make("x" * (limit + 1))
    assert (refusal.value.field, refusal.value.limit) == (field, f"must be at most {limit} bytes")


@pytest.mark.parametrize(("field", "limit", "make"), BYTE_LIMITS, ids=IDS)
def test_a_limit_counts_bytes_and_not_characters(field, limit, make):
    make("é" * (limit // 2))
    with pytest.raises(InvalidField) as refusal:
        make("é" * (limit // 2 + 1))
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("monitored_service_id", lambda: raising("")),
        ("monitored_service_id", lambda: raising(" \t")),
        ("monitored_service_id", lambda: raising("a\nb")),
        ("message", lambda: Alert("")),
        ("message", lambda: Alert(" \n")),
        ("message", lambda: Alert("a\x00b")),
        ("details", lambda: Alert("m", details="a\x1bb")),
        ("dedup_key", lambda: Alert("m", dedup_key="a\nb")),
        ("url", lambda: Link("")),
        ("url", lambda: Link("ftp://example.com")),
        ("url", lambda: Link("javascript:alert(1)")),
        ("url", lambda: Link("https://example.com/a b")),
        ("acknowledged_by", lambda: Acknowledgement("")),
        ("acknowledged_by", lambda: Acknowledgement("ana\r\nX: y")),
        ("note", lambda: Acknowledgement("ana", "\x07")),
        ("incident_id", lambda: Acknowledgement("ana", incident_id=IncidentId(""))),
        ("request_id", lambda: Request(MonitoredServiceId("s"), HealthyEvent(), "a\x7f")),
        ("occur_time", lambda: Alert("m", occurred_at=datetime(2026, 1, 1))),  # noqa: DTZ001 - that is what is refused
    ],
)
def test_nonsense_is_refused_with_the_name_of_its_field(field, make):
    with pytest.raises(InvalidField) as refusal:
        make()
    assert refusal.value.field == field
    assert refusal.value.limit


def test_16_links_are_taken_and_17_are_not():
    assert Alert("m", links=(LINK,) * 15)
    assert Alert("m", links=(LINK,) * 16)
    with pytest.raises(InvalidField) as refusal:
        Alert("m", links=(LINK,) * 17)
    assert (refusal.value.field, refusal.value.limit) == ("links", "must be at most 16")


def test_lines_and_tabs_are_welcome_where_people_write():
    assert Alert("a\nb", details="a\tb\r\nc", occurred_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert Acknowledgement("ana", "on\nit")


@pytest.mark.parametrize("levels", [0, 21])
def test_a_policy_has_1_to_20_levels(levels):
    assert a_policy(levels=1)
    assert a_policy(levels=20)
    with pytest.raises(InvalidField):
        a_policy(levels=levels)


def test_a_policy_repeats_0_to_100_times_and_names_somebody():
    assert a_policy(repeats=100)
    for repeats in (-1, 101):
        with pytest.raises(InvalidField):
            a_policy(repeats=repeats)
    with pytest.raises(InvalidField):
        EscalationPolicy("shop", 1, (EmptyLevel(), EmptyLevel()))


def test_a_level_has_1_to_50_targets_and_1_second_to_24_hours():
    assert a_level(targets=50)
    assert a_level(minutes=1 / 60)
    assert a_level(minutes=24 * 60)
    for wrong in ({"targets": 0}, {"targets": 51}, {"minutes": 0.99 / 60}, {"minutes": 24 * 60 + 0.001}):
        with pytest.raises(InvalidField):
            a_level(**wrong)
