"""policy preview and explain: who would be paged, and why somebody was or was not."""

import json

import grpc
import pytest
from cli.scripted_servers import Refusal, an_event, an_incident
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pager_cli.moments import parse_moment
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

SMS, EMAIL = pb.NotifiedTarget.CHANNEL_SMS, pb.NotifiedTarget.CHANNEL_EMAIL
Source = pb.IncidentEvent.LevelNotified
Settled = pb.IncidentEvent.NotificationSettled
Preview = pb.PreviewEscalationResponse


def moment(text):
    stamp = Timestamp()
    stamp.FromJsonString(text)
    return stamp


def a_target(person="ana", method="phone", channel=SMS, **more):
    return pb.NotifiedTarget(
        target_id="primary",
        person_id=person,
        contact_method_id=method,
        channel=channel,
        schedule_id="primary",
        layer_id="weekly",
        **more,
    )


def a_preview(*pages, completed=True):
    told = [Preview.PreviewedPage(page_time=moment(at), cycle=1, level=level, target=t) for at, level, t in pages]
    return Preview(pages=told, completed=completed)


TIMELINE = [
    an_event(1, opened=pb.IncidentEvent.Opened(alert=pb.Alert(message="disk full"))),
    an_event(
        2,
        level_notified=pb.IncidentEvent.LevelNotified(
            cycle=1,
            level=1,
            policy_id="shop",
            policy_revision=3,
            targets=[
                a_target(method="mail", channel=EMAIL, delays=[Duration()]),
                a_target(method="phone", delays=[Duration(seconds=120), Duration(seconds=420)]),
            ],
            unreached=[
                pb.UnreachedTarget(
                    target_id="cleo",
                    person_id="cleo",
                    reason=pb.UnreachedTarget.REASON_NO_VERIFIED_CONTACT_METHOD,
                )
            ],
        ),
    ),
    an_event(
        3,
        notification_settled=Settled(
            target=a_target(method="mail", channel=EMAIL), cycle=1, level=1, outcome=Settled.OUTCOME_HANDED_OFF
        ),
    ),
    an_event(4, at="2026-03-01T02:15:04Z", acknowledged=pb.IncidentEvent.Acknowledged(acknowledged_by="ana")),
    an_event(
        5,
        notification_settled=Settled(
            target=a_target(), cycle=1, level=1, step=1, outcome=Settled.OUTCOME_CANCELLED, before_due=True
        ),
    ),
]


@pytest.fixture
def answered(pager):
    """An incident that ana answered before its second level."""
    incident = an_incident()
    incident.acknowledge_time.FromJsonString("2026-03-01T02:15:04Z")
    pager.script.answers("GetIncident", pb.GetIncidentResponse(incident=incident))
    pager.script.answers("ListIncidentEvents", pb.ListIncidentEventsResponse(incident_events=TIMELINE))
    return pager


async def test_a_preview_tells_moment_level_person_way_and_reason(pagerctl, pager):
    pages = a_preview(
        ("2026-03-01T02:12:04Z", 1, a_target(method="mail", channel=EMAIL)),
        ("2026-03-01T02:27:04Z", 2, pb.NotifiedTarget(target_id="leads", channel=EMAIL)),
    )
    pager.script.answers("PreviewEscalation", pages)
    asked = (
        "policy",
        "preview",
        "checkout",
        "--at",
        "2026-03-01T03:12:04",
        "--ack-after",
        "7m",
        "--severity",
        "warning",
    )
    shown = await pagerctl(*asked)
    assert shown.code == 0
    assert [line.split() for line in shown.out.splitlines()] == [
        ["TIME", "LEVEL", "WHO", "BY", "WHY"],
        ["2026-03-01", "03:12:04", "CET", "1", "ana", "mail", "on", "call", "on", "primary,", "layer", "weekly"],
        ["2026-03-01", "03:27:04", "CET", "2", "leads", "email", "named", "by", "the", "policy"],
    ]
    [request] = pager.script.requests["PreviewEscalation"]
    assert (request.at_time.ToJsonString(), request.acknowledge_after.seconds) == ("2026-03-01T02:12:04Z", 420)
    assert request.severity == pb.Incident.SEVERITY_WARNING


async def test_a_preview_says_why_it_is_not_the_policy_that_pages(pagerctl, pager):
    pages = a_preview(("2026-03-01T02:12:04Z", 1, pb.NotifiedTarget(target_id="catch-all", channel=EMAIL)))
    fired = pb.IncidentEvent.LevelNotified(
        cycle=1,
        level=1,
        policy_source=pb.IncidentEvent.LevelNotified.POLICY_SOURCE_CATCH_ALL,
        policy_fault="escalation policy 'shop' reaches nobody at the moment",
    )
    pages.events.append(an_event(2, level_notified=fired))
    pager.script.answers("PreviewEscalation", pages)
    shown = await pagerctl("policy", "preview", "checkout")
    assert "no policy to be had (escalation policy 'shop' reaches nobody at the moment)" in shown.out
    assert "the catch-all target" in shown.out.splitlines()[-1]
    assert "named by the policy" not in shown.out


async def test_a_preview_is_one_list_in_the_order_of_time_under_the_name_of_its_policy(pagerctl, pager):
    pages = a_preview(
        ("2026-03-01T02:12:04Z", 1, pb.NotifiedTarget(target_id="team", channel=EMAIL)),
        ("2026-03-01T02:42:04Z", 3, pb.NotifiedTarget(target_id="leads", channel=EMAIL)),
    )
    fired = pb.IncidentEvent.LevelNotified(cycle=1, level=1, policy_id="shop", policy_revision=3)
    fired.policy_source, fired.policy_fault = Source.POLICY_SOURCE_LAST_KNOWN, "policy did not answer"
    skipped = pb.IncidentEvent.LevelSkipped(cycle=1, level=2)
    pages.events.extend(
        [
            an_event(2, level_notified=fired),
            an_event(3, at="2026-03-01T02:27:04Z", level_skipped=skipped),
            an_event(4, at="2026-03-01T02:50:04Z", acknowledged=pb.IncidentEvent.Acknowledged(acknowledged_by="ana")),
        ]
    )
    pager.script.answers("PreviewEscalation", pages)
    policy, _, *rows = (await pagerctl("policy", "preview", "checkout")).out.splitlines()
    assert policy == "policy shop r3"
    assert [" ".join(row.split()[1:]) for row in rows] == [
        "03:12:04 CET - - - level 1 of the last known policy shop r3 (policy did not answer) notified: nobody",
        "03:12:04 CET 1 team email named by the policy",
        "03:27:04 CET - - - level 2 named nobody and was skipped",
        "03:42:04 CET 3 leads email named by the policy",
        "03:50:04 CET - - - ana acknowledged: no further page",
    ]


async def test_a_preview_of_nobody_says_so_and_of_too_much_too(pagerctl, pager):
    pager.script.answers("PreviewEscalation", a_preview(completed=False))
    shown = await pagerctl("policy", "preview", "checkout")
    assert (shown.code, shown.out) == (0, "nobody would be paged\n")
    assert "only the first 0 pages" in shown.err


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("--at", "tomorrow", "--at: must be a moment like"),
        ("--ack-after", "soon", "--ack-after must be a number of seconds or a duration like"),
        ("--at", "now+soon", "--at: must be a moment like"),
        ("--at", "now+999999999d", "--at: must be a moment like"),
    ],
)
async def test_a_moment_or_span_that_is_none_is_refused(pagerctl, option, text, said):
    refused = await pagerctl("policy", "preview", "checkout", option, text)
    assert refused.code == 2
    assert said in refused.err


async def test_a_person_who_was_paged_is_told_by_which_ways_and_what_became_of_it(pagerctl, answered):
    answered.script.answers("PreviewEscalation", a_preview())
    shown = await pagerctl("explain", "inc-1", "--person", "ana")
    assert shown.out.splitlines() == [
        "ana was paged by incident inc-1",
        "2026-03-01 03:12:04 CET  level 1 paged ana by mail (email): on call on primary, layer weekly; handed off",
        "2026-03-01 03:14:04 CET  level 1 paged ana by phone (sms): on call on primary, layer weekly; waiting",
        "2026-03-01 03:15:04 CET  ana acknowledged: no further page",
        (
            "2026-03-01 03:19:04 CET  level 1 paged ana by phone (sms): on call on primary, layer weekly; "
            "cancelled before its time"
        ),
    ]


async def test_a_person_who_was_not_paged_is_told_who_was_and_what_would_have_come(pagerctl, answered):
    pages = a_preview(("2026-03-01T02:27:04Z", 2, a_target("ben")))
    answered.script.answers("PreviewEscalation", pages)
    shown = await pagerctl("explain", "inc-1", "--person", "ben")
    assert shown.out.splitlines() == [
        "ben was not paged by incident inc-1",
        "2026-03-01 03:12:04 CET  level 1 did not page ben, but ana (on call on primary, layer weekly)",
        "2026-03-01 03:15:04 CET  ana acknowledged: no further page",
        (
            "had nobody answered, level 2 would have paged ben 12m later, at 2026-03-01 03:27:04 CET "
            "(by the schedules as they are now)"
        ),
    ]
    [request] = answered.script.requests["PreviewEscalation"]
    assert request.at_time.ToJsonString() == "2026-03-01T02:12:04Z"


async def test_a_person_who_could_not_be_reached_is_told_why(pagerctl, answered):
    answered.script.answers("PreviewEscalation", Refusal(grpc.StatusCode.UNAVAILABLE, message="policy is away"))
    shown = await pagerctl("explain", "inc-1", "--person", "cleo", "--timeout", "1")
    assert "level 1 passed over cleo (no verified contact method)" in shown.out
    assert "what would have come later is not known: policy is away" in shown.err


async def test_who_is_paged_for_want_of_a_policy_is_not_called_named_by_it(pagerctl, answered):
    fired = pb.IncidentEvent.LevelNotified(
        cycle=1,
        level=1,
        policy_source=pb.IncidentEvent.LevelNotified.POLICY_SOURCE_CATCH_ALL,
        policy_fault="escalation policy 'shop' reaches nobody at the moment",
        targets=[pb.NotifiedTarget(target_id="catch-all", channel=EMAIL)],
    )
    timeline = pb.ListIncidentEventsResponse(incident_events=[an_event(2, level_notified=fired)])
    answered.script.answers("ListIncidentEvents", timeline)
    answered.script.answers("PreviewEscalation", a_preview())
    why = "no policy to be had, escalation policy 'shop' reaches nobody at the moment"
    shown = await pagerctl("explain", "inc-1", "--person", "ana")
    assert f"level 1 did not page ana, but catch-all ({why})" in shown.out
    assert f"level 1 paged catch-all (email): {why}; waiting" in (await pagerctl("explain", "inc-1")).out


async def test_who_is_paged_because_somebody_else_reaches_nobody_is_explained_so(pagerctl, answered):
    fault = "escalation policy 'person/ana' reaches nobody at the moment; last known 1 s ago"
    fired = pb.IncidentEvent.LevelNotified(
        cycle=2,
        level=1,
        policy_source=pb.IncidentEvent.LevelNotified.POLICY_SOURCE_LAST_KNOWN,
        policy_fault=fault,
        targets=[pb.NotifiedTarget(target_id="team", channel=EMAIL)],
    )
    timeline = pb.ListIncidentEventsResponse(incident_events=[an_event(2, level_notified=fired)])
    answered.script.answers("ListIncidentEvents", timeline)
    why = f"named by the policy, as last known ({fault})"
    assert f"level 1 (cycle 2) paged team (email): {why}; waiting" in (await pagerctl("explain", "inc-1")).out


async def test_silence_is_explained_to_everybody(pagerctl, answered):
    held = pb.IncidentEvent.Held(maintenance_window_id="disks")
    held.hold_end_time.FromJsonString("2026-03-01T03:00:00Z")
    timeline = pb.ListIncidentEventsResponse(incident_events=[an_event(2, held=held)])
    answered.script.answers("ListIncidentEvents", timeline)
    for of_whom in ((), ("--person", "ana")):
        shown = await pagerctl("explain", "inc-1", *of_whom)
        assert "held until 04:00:00 by the maintenance window disks" in shown.out


async def test_without_a_person_everybody_is_explained_for_machines_too(pagerctl, answered):
    shown = await pagerctl("explain", "inc-1", "--json")
    told = json.loads(shown.out)
    assert [line["sentence"].split(":")[0] for line in told["lines"]] == [
        "level 1 paged ana by mail (email)",
        "level 1 passed over cleo (no verified contact method)",
        "level 1 paged ana by phone (sms)",
        "ana acknowledged",
        "level 1 paged ana by phone (sms)",
    ]
    assert told["incident"]["incident_id"] == "inc-1"


def test_moments_are_read_as_people_write_them():
    now = moment("2026-03-01T02:00:00Z").ToDatetime()
    stamped = parse_moment("2026-03-01T03:00:00+01:00", now)
    assert stamped.isoformat() == "2026-03-01T02:00:00+00:00"
    assert (parse_moment("now+2h", now) - now).total_seconds() == 7200
    assert (parse_moment("now-90s", now) - now).total_seconds() == -90
    assert parse_moment("now", now) == now
