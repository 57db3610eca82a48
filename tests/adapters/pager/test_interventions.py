"""Snoozing, escalating and giving away over a real channel."""

import grpc
from adapters.pager.running import kinds, lines
from adapters.pager.scripted_servers import a_wire_level, a_wire_policy
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

HOUR = Duration(seconds=3600)


def a_snooze(**changes):
    fields = {"monitored_service_id": "checkout", "snoozed_by": "ana", "duration": HOUR} | changes
    return pb.SnoozeIncidentRequest(**{name: value for name, value in fields.items() if value is not None})


def an_escalation(**changes):
    return pb.EscalateIncidentRequest(**{"monitored_service_id": "checkout", "escalated_by": "ana"} | changes)


def a_reassignment(**changes):
    fields = {"monitored_service_id": "checkout", "reassigned_by": "ana", "assigned_to": pb.Assignee(person_id="ben")}
    return pb.ReassignIncidentRequest(**fields | changes)


BAD_REQUESTS = [
    ("ReassignIncident", a_reassignment(monitored_service_id=""), "monitored_service_id"),
    ("ReassignIncident", a_reassignment(reassigned_by=""), "reassigned_by"),
    ("ReassignIncident", a_reassignment(incident_id="x" * 256), "incident_id"),
    ("ReassignIncident", a_reassignment(assigned_to=pb.Assignee()), "assigned_to"),
    ("ReassignIncident", a_reassignment(assigned_to=pb.Assignee(person_id="")), "assigned_to.person_id"),
    ("ReassignIncident", a_reassignment(assigned_to=pb.Assignee(policy_id="x" * 256)), "assigned_to.policy_id"),
    ("SnoozeIncident", a_snooze(monitored_service_id=""), "monitored_service_id"),
    ("SnoozeIncident", a_snooze(snoozed_by=""), "snoozed_by"),
    ("SnoozeIncident", a_snooze(incident_id="x" * 256), "incident_id"),
    ("SnoozeIncident", a_snooze(note="x" * 1025), "note"),
    ("SnoozeIncident", a_snooze(request_id="x" * 256), "request_id"),
    ("SnoozeIncident", a_snooze(duration=None), "duration"),
    ("SnoozeIncident", a_snooze(duration=Duration(seconds=59)), "duration"),
    ("SnoozeIncident", a_snooze(duration=Duration(seconds=86_401)), "duration"),
    ("SnoozeIncident", a_snooze(duration=Duration(seconds=2**60)), "duration"),
    ("SnoozeIncident", a_snooze(duration=None, until_time=Timestamp(seconds=1)), "until_time"),
    ("SnoozeIncident", a_snooze(duration=None, until_time=Timestamp(seconds=2**60)), "until_time"),
    ("EscalateIncident", an_escalation(monitored_service_id="\n"), "monitored_service_id"),
    ("EscalateIncident", an_escalation(escalated_by=""), "escalated_by"),
    ("EscalateIncident", an_escalation(incident_id="x" * 256), "incident_id"),
]


async def test_a_bad_field_is_named_with_its_limit_and_nothing_happens(caller):
    incident_id = (await caller.alert()).incident.incident_id
    timeline = await caller.until_line(incident_id, "notification_settled", times=2)
    for method, request, field in BAD_REQUESTS:
        fault = await caller.refused(getattr(caller.stub, method)(request))
        assert (fault.code, fault.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FIELD"), field
        assert fault.metadata["field"] == field
        assert fault.metadata["limit"]
    assert await caller.timeline(incident_id) == timeline


async def test_a_snooze_holds_the_incident_and_an_escalation_ends_it(caller):
    caller.policy.answer = a_wire_policy(a_wire_level(1, seconds=900), a_wire_level(2, seconds=900))
    incident_id = (await caller.alert()).incident.incident_id
    await caller.until_line(incident_id, "notification_settled", times=2)
    snoozed = (await caller.stub.SnoozeIncident(a_snooze(note="lunch", request_id="z"))).incident
    assert snoozed.state == pb.Incident.STATE_OPEN
    assert snoozed.hold_end_time == snoozed.next_escalation_time
    [line] = lines(await caller.timeline(incident_id), "snoozed")
    assert (line.snoozed_by, line.note, line.snooze_end_time) == ("ana", "lunch", snoozed.hold_end_time)
    again = (await caller.stub.SnoozeIncident(a_snooze(note="lunch", request_id="z"))).incident
    assert again == snoozed
    await caller.stub.EscalateIncident(an_escalation())
    timeline = await caller.until_line(incident_id, "notification_settled", times=4)
    assert kinds(timeline)[-4:-2] == ["escalated", "level_notified"]
    assert caller.notifier.sent["person-2-1@example.com"] == 1
    assert not (await caller.incident(incident_id)).HasField("hold_end_time")
    fault = await caller.refused(caller.stub.EscalateIncident(an_escalation()))
    assert (fault.code, fault.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_NO_LEVEL_LEFT")


async def test_an_incident_is_given_to_a_person_and_back_if_nobody_knows_that_person(caller):
    bens = a_wire_policy(a_wire_level(9, people=1, seconds=900))
    bens.policy_id = "person/ben"
    caller.policy.people["ben"] = bens
    incident_id = (await caller.alert()).incident.incident_id
    await caller.until_line(incident_id, "notification_settled", times=2)
    given = (await caller.stub.ReassignIncident(a_reassignment())).incident
    assert given.assigned_to == pb.Assignee(person_id="ben")
    timeline = await caller.until_line(incident_id, "notification_settled", times=3)
    assert kinds(timeline)[-3:-1] == ["reassigned", "level_notified"]
    assert caller.notifier.sent["person-9-1@example.com"] == 1
    incident = await caller.incident(incident_id)
    assert (incident.policy_id, incident.HasField("assigned_to")) == ("person/ben", False)
    await caller.stub.ReassignIncident(a_reassignment(assigned_to=pb.Assignee(person_id="nobody")))
    timeline = await caller.until_line(incident_id, "assignee_unknown")
    [unknown] = lines(timeline, "assignee_unknown")
    assert unknown.assigned_to == pb.Assignee(person_id="nobody")
    assert "no such person" in unknown.fault
    timeline = await caller.until_line(incident_id, "level_notified", times=3)
    assert lines(timeline, "level_notified")[-1].policy_id == "person/ben"


async def test_an_acknowledgement_says_when_it_expires_where_the_policy_says_so(caller):
    caller.policy.answer.acknowledgement_expiry.seconds = 1800
    incident_id = (await caller.alert()).incident.incident_id
    await caller.until_line(incident_id, "level_notified")
    incident = (await caller.acknowledge()).incident
    [line] = lines(await caller.timeline(incident_id), "acknowledged")
    assert line.expire_time == incident.next_escalation_time
    assert line.expire_time.seconds - incident.acknowledge_time.seconds == 1800


async def test_there_is_nothing_to_snooze_or_escalate_on_a_healthy_service(caller):
    await caller.alert()
    await caller.healthy()
    for call in (
        caller.stub.SnoozeIncident(a_snooze()),
        caller.stub.EscalateIncident(an_escalation()),
        caller.stub.ReassignIncident(a_reassignment()),
    ):
        fault = await caller.refused(call)
        assert (fault.code, fault.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_NO_OPEN_INCIDENT")


async def test_an_alert_soon_after_the_service_was_healthy_continues_the_incident_of_before(caller):
    caller.policy.answer.reopen_window.seconds = 3600
    first = await caller.alert()
    incident_id = first.incident.incident_id
    await caller.until_line(incident_id, "notification_settled", times=2)
    assert (await caller.acknowledge()).acknowledged
    assert (await caller.healthy()).resolved
    again = await caller.alert(message="failing again")
    assert (again.opened, again.incident.incident_id, again.alert_count) == (False, incident_id, 2)
    timeline = await caller.until_line(incident_id, "reopened")
    assert kinds(timeline)[-4:] == ["acknowledged", "resolved", "reopened", "alert_repeated"]
    incident = await caller.incident(incident_id)
    assert (incident.state, incident.acknowledged_by) == (pb.Incident.STATE_ACKNOWLEDGED, "ana")
    assert incident.HasField("next_escalation_time")  # nobody forgets it
    assert caller.notifier.sent == {"person-1-1@example.com": 1, "person-1-2@example.com": 1}


async def test_without_a_window_each_alert_after_healthy_opens_an_incident(caller):
    first = (await caller.alert()).incident.incident_id
    await caller.until_line(first, "notification_settled", times=2)
    await caller.healthy()
    second = await caller.alert()
    assert second.opened
    assert second.incident.incident_id != first
