"""What the domain says, over the wire and through rows, and back."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from builders import NOON, a_level, a_level_of, a_page, a_person, a_policy, a_service, an_alert, an_incident
from hypothesis import given
from hypothesis import strategies as st
from sealed import SEALING

from pager_domain.kernel import email_target, sms_target
from pager_domain.pager.events import (
    Acknowledgement,
    Alert,
    AlertRepeated,
    EscalationExhausted,
    IncidentAcknowledged,
    IncidentEvent,
    IncidentOpened,
    IncidentResolved,
    LevelNotified,
    LevelSkipped,
    Link,
    NotificationSettled,
    Outcome,
    PolicySource,
    Severity,
)
from pager_domain.pager.interventions import (
    AcknowledgementExpired,
    Assignee,
    AssigneeKind,
    AssigneeUnknown,
    IncidentEscalated,
    IncidentHeld,
    IncidentReassigned,
    IncidentReleased,
    IncidentReopened,
    IncidentSnoozed,
)
from pager_domain.pager.levels import EmptyLevel, LaterLevel, addresses
from pager_domain.pager.model import IncidentState
from pager_domain.pager.targets import Channel, PlannedTarget, UnreachedReason, UnreachedTarget
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.pager import page_rows, rows, wire
from pager_grpc.pager.policy_documents import policy_document, policy_of
from pager_grpc.pager.wire_events import event_pb

_texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60).filter(str.strip)
_links = st.builds(Link, st.from_regex(r"https?://[a-z]{1,9}", fullmatch=True), _texts)
_moments = st.timedeltas(timedelta(0), timedelta(days=700_000)).map(lambda t: datetime(1, 1, 1, tzinfo=UTC) + t)
alerts = st.builds(
    Alert,
    _texts,
    st.sampled_from(Severity),
    _texts,
    _texts,
    st.lists(_links, max_size=3).map(tuple),
    st.none() | _moments,
)
PAGE = a_page()
MINUTES = timedelta(minutes=3), timedelta(minutes=6)
PLANNED = PlannedTarget("primary", Channel.SMS, "ana", "ana/phone", MINUTES, "rota", "nights", "swap")
UNREACHED = tuple(UnreachedTarget("primary", reason, "ana", "rota") for reason in UnreachedReason)
CAUSES = [
    IncidentOpened(an_alert(links=(Link("https://x"),), occurred_at=NOON)),
    AlertRepeated(an_alert(severity=Severity.INFO), 7),
    LevelNotified(
        1, 2, (PLANNED,), timedelta(seconds=1.5), NOON, "shop", 3, PolicySource.LAST_KNOWN, "down", UNREACHED
    ),
    LevelSkipped(1, 2, UNREACHED),
    EscalationExhausted(3),
    IncidentAcknowledged("ana", "on it"),
    IncidentAcknowledged("ana", "on it", NOON),
    AcknowledgementExpired("ana"),
    IncidentSnoozed("ana", NOON, "lunch"),
    IncidentEscalated("ana"),
    IncidentReopened("ana", NOON),
    IncidentHeld("window", NOON),
    IncidentReleased("window"),
    IncidentReassigned("ana", Assignee(AssigneeKind.POLICY, "storage")),
    AssigneeUnknown(Assignee(AssigneeKind.PERSON, "a/b"), "no such person"),
    IncidentResolved(),
    *(
        NotificationSettled(
            PAGE.notification_id,
            PLANNED.notified,
            1,
            1,
            outcome,
            "smtp",
            "id",
            "why",
            outcome == "in_doubt",
            "",
            2,
            True,
        )
        for outcome in Outcome
    ),
]


@given(alerts)
def test_an_alert_survives_the_wire(alert):
    message = pb.RaiseAlertRequest(
        monitored_service_id="s",
        message=alert.message,
        severity=wire.SEVERITIES[alert.severity],
        dedup_key=alert.dedup_key,
        details=alert.details,
        links=[pb.Link(url=link.url, text=link.text) for link in alert.links],
        occur_time=alert.occurred_at,
        request_id="r",
    )
    request = wire.raise_alert_of(pb.RaiseAlertRequest.FromString(message.SerializeToString()))
    assert request.event == alert
    assert (request.monitored_service_id, request.request_id) == ("s", "r")
    shown = wire.incident_pb(an_incident(alert=alert))
    assert (shown.message, shown.severity, shown.details) == (alert.message, message.severity, alert.details)


@pytest.mark.parametrize("severity", [0, 99])
def test_a_severity_that_is_not_said_or_not_known_is_critical(severity):
    assert wire.raise_alert_of(
        pb.RaiseAlertRequest(monitored_service_id="s", message="m", severity=severity)
    ).event.severity is (Severity.CRITICAL)


def test_an_acknowledgement_survives_the_wire():
    message = pb.AcknowledgeRequest(monitored_service_id="s", incident_id="i", acknowledged_by="ana", note="n")
    assert wire.acknowledge_of(message).event == Acknowledgement("ana", "n", "i")
    message.incident_id = ""
    assert wire.acknowledge_of(message).event.incident_id is None


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: type(cause).__name__)
def test_every_line_of_a_timeline_survives_its_row_and_is_shown(cause):
    service = a_service().monitored_service_id
    event = IncidentEvent(service, an_incident().incident_id, 1, NOON, cause)
    assert rows.event_of(rows.event_row(event)) == event
    shown = event_pb(event)
    assert shown.WhichOneof("event")
    assert (shown.sequence, shown.event_time.ToDatetime(UTC)) == (1, NOON)


def test_an_incident_survives_its_row():
    policy = a_policy(levels=[EmptyLevel(), *a_policy(levels=2).levels], repeats=2)
    incident = an_incident(policy=policy, cycle=2, level=1, acknowledgement_due_at=NOON)
    answered = replace(
        incident, state=IncidentState.ACKNOWLEDGED, next_escalation_at=None, acknowledged_at=NOON, acknowledged_by="ana"
    )
    expiring = replace(
        answered,
        next_escalation_at=NOON,
        held_until=NOON,
        held_by_window="window",
        assigned_to=Assignee(AssigneeKind.PERSON, "a/b"),
        policy=replace(policy, acknowledgement_expiry=timedelta(hours=1), reopen_window=timedelta(minutes=5)),
    )
    resolved = replace(answered, state=IncidentState.RESOLVED, resolved_at=NOON, reopen_until=NOON)
    for whole in (incident, answered, expiring, resolved):
        assert rows.incident_of(rows.new_incident_row(whole, SEALING), SEALING) == whole


@pytest.mark.parametrize("number", [1, 2])
def test_a_page_survives_its_row(number):
    assert page_rows.notification_of(page_rows.notification_row(a_page(number), NOON, SEALING), SEALING) == a_page(
        number
    )


def test_a_page_that_is_due_later_survives_its_row():
    page = replace(a_page(), person_id="ana", contact_method_id="ana/phone", step=2, delay=timedelta(minutes=3))
    row = page_rows.notification_row(page, NOON, SEALING)
    assert page_rows.notification_of(row, SEALING) == page
    assert row["due_at"] == row["owed_at"] == NOON + page.delay


def test_a_policy_of_people_survives_its_document():
    ana = replace(a_person("ana", (0, "ana/mail"), (2, "ana/phone"), every=5), schedule_id="rota", layer_id="nights")
    ana = replace(ana, low_urgency_rule=ana.high_urgency_rule, override_id="swap")
    policy = a_policy(levels=[EmptyLevel(UNREACHED), replace(a_level_of(ana), unreached=UNREACHED)])
    text = policy_document(policy, SEALING)
    assert policy_of(text, SEALING) == policy_of(json.loads(text), SEALING) == policy


def test_in_the_document_of_a_policy_every_address_is_sealed_and_nothing_else_is():
    looks_like_one = '"address":{"value":"ana"}, \\"number\\":{\\"value\\":\\"1\\"}'
    level = addresses([email_target(looks_like_one, "ana@example.com"), sms_target("number", "+4915112345678")])
    policy = replace(a_policy(levels=[level]), later=(LaterLevel(1, NOON, level),))
    text = policy_document(policy, SEALING)
    assert "ana@example.com" not in text
    assert "+4915112345678" not in text
    assert policy_of(text, SEALING) == policy


def test_a_policy_from_before_levels_named_people_reads_as_one_page_at_once_to_each_address():
    targets = [
        {"target_id": "person-1-1", "address": {"value": "person-1-1@example.com"}},
        {"target_id": "person-1-2", "number": {"value": "+491501000002"}},
    ]
    levels = [{"targets": targets, "acknowledgement_timeout": "PT15M"}, {}]
    document = {"policy_id": "shop", "revision": 1, "levels": levels, "repeat_count": 0}
    assert (
        policy_of(json.dumps(document), SEALING)
        == policy_of(document, SEALING)
        == a_policy(levels=[a_level(), EmptyLevel()])
    )
