"""snooze and escalate: what is asked of the pager, and what its timeline says of it."""

import json
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from cli.scripted_servers import Refusal, an_event, an_incident
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pager_cli.timeline import what_happened
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb


def at(moment: str) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromJsonString(moment)
    return timestamp


def snoozed():
    return pb.SnoozeIncidentResponse(incident=an_incident(hold_end_time=at("2026-03-01T14:30:00Z")))


async def test_a_snooze_is_asked_for_by_its_duration_and_answered_with_its_end_in_local_time(pagerctl, pager):
    pager.script.answers("SnoozeIncident", snoozed())
    done = await pagerctl(
        *("snooze", "payments", "--by", "ana", "--for", "1h30m", "--note", "lunch"),
        *("--incident", "inc-1", "--request-id", "r"),
    )
    assert (done.code, done.err) == (0, "")
    assert done.out == "incident inc-1 of payments is snoozed until 2026-03-01 15:30:00 CET\n"
    assert pager.script.requests["SnoozeIncident"] == [
        pb.SnoozeIncidentRequest(
            monitored_service_id="payments",
            incident_id="inc-1",
            duration=Duration(seconds=5400),
            snoozed_by="ana",
            note="lunch",
            request_id="r",
        )
    ]


@pytest.mark.parametrize("written", ["2026-03-01T15:30", "2026-03-01T14:30Z", "2026-03-01T16:30+02:00"])
async def test_the_end_of_a_snooze_may_be_a_time_and_is_local_without_a_zone(pagerctl, pager, written):
    pager.script.answers("SnoozeIncident", snoozed())
    assert (await pagerctl("snooze", "payments", "--by", "ana", "--until", written)).code == 0
    [request] = pager.script.requests["SnoozeIncident"]
    assert request.until_time == at("2026-03-01T14:30:00Z")
    assert request.request_id


@pytest.mark.parametrize(
    "options", [(), ("--for", "1h", "--until", "2026-03-01T15:30"), ("--for", "soon"), ("--until", "soon")]
)
async def test_a_snooze_without_one_end_is_a_usage_error(pagerctl, pager, options):
    done = await pagerctl("snooze", "payments", "--by", "ana", *options)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert pager.script.requests["SnoozeIncident"] == []


async def test_an_escalation_says_that_the_next_level_is_due(pagerctl, pager):
    pager.script.answers("EscalateIncident", pb.EscalateIncidentResponse(incident=an_incident()))
    done = await pagerctl("escalate", "payments", "--by", "ana")
    assert done.out == "incident inc-1 of payments: the next level is due now\n"
    [request] = pager.script.requests["EscalateIncident"]
    assert (request.monitored_service_id, request.escalated_by) == ("payments", "ana")
    document = json.loads((await pagerctl("escalate", "payments", "--by", "ana", "--json")).out)
    assert document["incident"]["incident_id"] == "inc-1"


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("Acknowledge", ("ack", "payments")),
        ("SnoozeIncident", ("snooze", "payments", "--for", "1h")),
        ("EscalateIncident", ("escalate", "payments")),
        ("ReassignIncident", ("reassign", "payments", "--policy", "shop")),
    ],
)
async def test_an_incident_of_another_service_is_not_said_to_be_none(pagerctl, pager, policies, method, arguments):
    policies.store(policy_pb.EscalationPolicy(policy_id="shop"))
    refusal = Refusal(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_INCIDENT_UNKNOWN", {"incident_id": "inc-9"})
    pager.script.answers(method, refusal)
    done = await pagerctl(*arguments, "--by", "ana", "--incident", "inc-9")
    assert done.code == 1
    assert done.err == (
        "pagerctl: 'inc-9' is not the open incident of 'payments'; `pagerctl service` shows those of a service\n"
    )


async def test_where_no_level_is_left_that_is_said(pagerctl, pager):
    refusal = Refusal(grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_NO_LEVEL_LEFT", {"incident_id": "inc-1"})
    pager.script.answers("EscalateIncident", refusal)
    done = await pagerctl("escalate", "payments", "--by", "ana")
    assert done.code == 1
    assert done.err == "pagerctl: every level of the incident 'inc-1' was notified, nobody is left to escalate to\n"


@pytest.mark.parametrize(
    ("options", "assignee", "words"),
    [
        (("--policy", "storage"), pb.Assignee(policy_id="storage"), "policy storage"),
        (("--person", "ben"), pb.Assignee(person_id="ben"), "person ben"),
    ],
)
async def test_an_incident_is_given_to_a_policy_or_a_person(pagerctl, pager, policies, options, assignee, words):
    policies.store(policy_pb.EscalationPolicy(policy_id="storage"))
    pager.script.answers("ReassignIncident", pb.ReassignIncidentResponse(incident=an_incident()))
    done = await pagerctl("reassign", "payments", "--by", "ana", *options)
    assert done.out == f"incident inc-1 of payments is given to {words} and is due now\n"
    [request] = pager.script.requests["ReassignIncident"]
    assert (request.assigned_to, request.reassigned_by) == (assignee, "ana")
    assert (await pagerctl("reassign", "payments", "--by", "ana", "--policy", "a", "--person", "b")).code == 2


async def test_a_snooze_ends_a_while_after_now_if_it_is_said_so(pagerctl, pager):
    pager.script.answers("SnoozeIncident", snoozed())
    assert (await pagerctl("snooze", "payments", "--by", "ana", "--until", "now+1h")).code == 0
    [request] = pager.script.requests["SnoozeIncident"]
    assert timedelta(minutes=58) < request.until_time.ToDatetime(UTC) - datetime.now(UTC) <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        (("--until", "0001-01-01"), "--until must be a moment like"),
        (("--until", "9999-12-31T23:59:59-23:59"), "--until must be a moment like"),
        (("--for", "99999999d"), "--for must be at most 36500d"),
    ],
)
async def test_an_end_beyond_the_calendar_is_a_usage_error(pagerctl, pager, options, limit):
    done = await pagerctl("snooze", "payments", "--by", "ana", *options)
    assert done.code == 2
    assert limit in done.err
    assert pager.script.requests["SnoozeIncident"] == []


kinds = pb.IncidentEvent


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (
            {"snoozed": kinds.Snoozed(snoozed_by="ana", note="lunch", snooze_end_time=at("2026-03-01T03:00:00Z"))},
            'snoozed by ana until {}: "lunch"',
        ),
        (
            {"acknowledged": kinds.Acknowledged(acknowledged_by="ana", expire_time=at("2026-03-01T03:00:00Z"))},
            "acknowledged by ana until {}",
        ),
        (
            {"acknowledgement_expired": kinds.AcknowledgementExpired(acknowledged_by="ana")},
            "the acknowledgement by ana has expired: open again",
        ),
        (
            {"reassigned": kinds.Reassigned(reassigned_by="ana", assigned_to=pb.Assignee(policy_id="storage"))},
            "given to policy storage by ana",
        ),
        (
            {
                "assignee_unknown": kinds.AssigneeUnknown(
                    assigned_to=pb.Assignee(person_id="ben"), fault="no such person"
                )
            },
            "nobody knows person ben (no such person): the former policy has it again",
        ),
        (
            {"reopened": kinds.Reopened(acknowledged_by="ana", next_escalation_time=at("2026-03-01T03:00:00Z"))},
            "reopened: ana still has it, until {}",
        ),
        (
            {"reopened": kinds.Reopened(next_escalation_time=at("2026-03-01T03:00:00Z"))},
            "reopened: it goes on where it was, next at {}",
        ),
        (
            {"held": kinds.Held(maintenance_window_id="w1", hold_end_time=at("2026-03-01T03:00:00Z"))},
            "held until {} by the maintenance window w1",
        ),
        (
            {"released": kinds.Released(maintenance_window_id="w1")},
            "the maintenance window w1 is gone: due at once",
        ),
        ({"escalated": kinds.Escalated(escalated_by="ana")}, "escalated by ana: the next level is due at once"),
    ],
)
def test_a_timeline_tells_of_silence(event, sentence):
    local = at("2026-03-01T03:00:00Z").ToDatetime(UTC).astimezone().strftime("%H:%M:%S")
    assert what_happened(an_event(**event)) == sentence.format(local)


@pytest.mark.parametrize(
    ("fields", "label"),
    [
        ({}, "next level"),
        ({"policy_id": "", "level": 0, "cycle": 0}, "next level"),
        ({"policy_id": ""}, "next look"),  # whether the policy is back: the catch-all stands in for it
        ({"state": pb.Incident.STATE_ACKNOWLEDGED}, "open again"),
    ],
)
async def test_show_says_what_comes_next(pagerctl, pager, fields, label):
    due = at("2026-03-01T02:27:04Z")
    incident = an_incident(next_escalation_time=due, **fields)
    pager.script.answers("GetIncident", pb.GetIncidentResponse(incident=incident))
    pager.script.answers("ListIncidentEvents", pb.ListIncidentEventsResponse())
    assert f"\n{label:<16}2026-03-01 03:27:04 CET (" in (await pagerctl("show", "inc-1")).out
