"""services, service, incidents, show and deliveries: tables for people, JSON for machines."""

import asyncio
import json
import os
import pty
import sys
from datetime import timedelta

import grpc
from cli.scripted_servers import Refusal, an_event, an_incident
from google.protobuf.timestamp_pb2 import Timestamp

from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as notifier_pb
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

LONG_ID = "0198c0de-" + "f" * 200


def moment(text):
    stamp = Timestamp()
    stamp.FromJsonString(text)
    return stamp


def a_service(name="payments", state=pb.MonitoredService.STATE_UNHEALTHY, incident_id="inc-1"):
    service = pb.MonitoredService(monitored_service_id=name, state=state, incident_id=incident_id)
    service.update_time.GetCurrentTime()
    return service


def nothing_of_the_kind(reason, **metadata):
    return Refusal(grpc.StatusCode.NOT_FOUND, f"ERROR_REASON_{reason}", metadata)


async def test_services_are_listed_over_all_pages(pagerctl, pager):
    pager.script.answers(
        "ListMonitoredServices",
        pb.ListMonitoredServicesResponse(monitored_services=[a_service("a")], next_page_token="more"),
        pb.ListMonitoredServicesResponse(
            monitored_services=[a_service("b", pb.MonitoredService.STATE_HEALTHY, incident_id="")]
        ),
    )
    done = await pagerctl("services", "--state", "healthy", "--state", "unhealthy")
    lines = done.out.splitlines()
    assert lines[0].split() == ["SERVICE", "STATE", "SINCE", "INCIDENT"]
    assert lines[1].split()[:2] == ["a", "unhealthy"]
    assert lines[2].split()[:2] == ["b", "healthy"]
    first, second = pager.script.requests["ListMonitoredServices"]
    assert list(first.states) == [pb.MonitoredService.STATE_HEALTHY, pb.MonitoredService.STATE_UNHEALTHY]
    assert second.page_token == "more"


async def test_incidents_are_those_not_resolved_unless_asked_otherwise(pagerctl, pager):
    pager.script.answers("ListIncidents", pb.ListIncidentsResponse())
    assert (await pagerctl("incidents")).out == "no incidents are open or acknowledged\n"
    await pagerctl("incidents", "--all", "--service", "payments")
    await pagerctl("incidents", "--state", "resolved")
    default, everything, resolved = pager.script.requests["ListIncidents"]
    assert list(default.states) == [pb.Incident.STATE_OPEN, pb.Incident.STATE_ACKNOWLEDGED]
    assert (list(everything.states), everything.monitored_service_id) == ([], "payments")
    assert list(resolved.states) == [pb.Incident.STATE_RESOLVED]


async def test_a_pipe_gets_long_ids_whole_and_no_colours(pagerctl, pager):
    incident = an_incident(LONG_ID, message="line one\nline two \x1b[31m", exhausted=True)
    pager.script.answers("ListIncidents", pb.ListIncidentsResponse(incidents=[incident]))
    done = await pagerctl("incidents", COLUMNS="40", FORCE_COLOR="1")
    assert len(done.out.splitlines()) == 2
    assert LONG_ID in done.out
    assert "open, exhausted" in done.out
    assert "\x1b" not in done.out


async def test_a_limit_that_is_reached_says_that_there_is_more(pagerctl, pager):
    pager.script.answers(
        "ListIncidents", pb.ListIncidentsResponse(incidents=[an_incident(), an_incident("inc-2")], next_page_token="t")
    )
    done = await pagerctl("incidents", "--limit", "2", "--json")
    assert [row["incident_id"] for row in json.loads(done.out)["incidents"]] == ["inc-1", "inc-2"]
    assert done.err == "pagerctl: these are the newest 2; a higher --limit shows more\n"
    assert pager.script.requests["ListIncidents"][0].page_size == 2


BEN = pb.NotifiedTarget(
    target_id="primary", channel=pb.NotifiedTarget.CHANNEL_SMS, person_id="ben", contact_method_id="phone"
)
UNREACHED = [
    pb.UnreachedTarget(target_id="second", reason=pb.UnreachedTarget.REASON_NOBODY_ON_CALL),
    pb.UnreachedTarget(target_id="cleo", reason=pb.UnreachedTarget.REASON_NO_VERIFIED_CONTACT_METHOD),
    pb.UnreachedTarget(target_id="dora", reason=pb.UnreachedTarget.REASON_NOT_ITS_TURN),
    pb.UnreachedTarget(target_id="emil"),
]


def a_level_of_people():
    mail = pb.NotifiedTarget(
        target_id="ana", channel=pb.NotifiedTarget.CHANNEL_EMAIL, person_id="ana", contact_method_id="mail"
    )
    phone = pb.NotifiedTarget(delays=[timedelta(minutes=5 * n) for n in range(1, 8)])
    phone.MergeFrom(BEN)
    phone.schedule_id, phone.override_id = "rota", "swap"
    return {
        "cycle": 1,
        "level": 2,
        "targets": [mail, phone],
        "policy_id": "shop",
        "policy_revision": 3,
        "unreached": UNREACHED[:1],
    }


def a_story():
    targets = [
        pb.NotifiedTarget(target_id="ana-mail", channel=pb.NotifiedTarget.CHANNEL_EMAIL),
        pb.NotifiedTarget(target_id="ana-phone", channel=pb.NotifiedTarget.CHANNEL_SMS),
    ]
    kinds, settled = pb.IncidentEvent, pb.IncidentEvent.NotificationSettled
    source = kinds.LevelNotified.PolicySource
    alert = pb.Alert(message="disk full", severity=pb.Incident.SEVERITY_ERROR)
    level = {
        "cycle": 1,
        "level": 1,
        "targets": targets,
        "policy_id": "shop",
        "policy_revision": 3,
        "next_escalation_time": moment("2026-03-01T02:27:04Z"),
    }
    catch_all = {"cycle": 2, "level": 1, "targets": targets[:1], "policy_fault": "policy answered nonsense"}
    return [
        an_event(opened=kinds.Opened(alert=alert)),
        an_event(level_notified=kinds.LevelNotified(**level)),
        an_event(notification_settled=settled(target=targets[0], outcome=settled.OUTCOME_HANDED_OFF, provider="smtp")),
        an_event(
            notification_settled=settled(
                target=targets[1], outcome=settled.OUTCOME_UNDELIVERABLE, reason="no such number"
            )
        ),
        an_event(alert_repeated=kinds.AlertRepeated(alert=pb.Alert(message="still full"), alert_count=2)),
        an_event(level_skipped=kinds.LevelSkipped(cycle=1, level=2)),
        an_event(
            level_notified=kinds.LevelNotified(
                **level, policy_source=source.POLICY_SOURCE_LAST_KNOWN, policy_fault="policy did not answer"
            )
        ),
        an_event(
            level_notified=kinds.LevelNotified(**catch_all, policy_source=source.POLICY_SOURCE_CATCH_ALL),
        ),
        an_event(escalation_exhausted=kinds.EscalationExhausted(cycle=2)),
        an_event(acknowledged=kinds.Acknowledged(acknowledged_by="ana", note="on it")),
        an_event(
            notification_settled=settled(target=targets[1], outcome=settled.OUTCOME_CANCELLED, reason="acknowledged")
        ),
        an_event(notification_settled=settled(target=targets[0], outcome=settled.OUTCOME_MERGED, bundle_id="bundle-1")),
        an_event(level_notified=kinds.LevelNotified(**a_level_of_people())),
        an_event(level_skipped=kinds.LevelSkipped(cycle=1, level=3, unreached=UNREACHED)),
        an_event(notification_settled=settled(target=BEN, step=2, outcome=settled.OUTCOME_HANDED_OFF, provider="sms")),
        an_event(notification_settled=settled(target=BEN, step=3, outcome=settled.OUTCOME_CANCELLED, before_due=True)),
        an_event(at="2026-03-02T02:12:04Z", resolved=kinds.Resolved()),
        an_event(at="2026-03-02T02:12:05Z"),
    ]


async def test_show_tells_the_story_one_line_an_event_in_local_time(pagerctl, pager):
    incident = an_incident(details="df:\n100 %", links=[pb.Link(url="https://run.example", text="runbook")])
    pager.script.answers("GetIncident", pb.GetIncidentResponse(incident=incident))
    pager.script.answers("ListIncidentEvents", pb.ListIncidentEventsResponse(incident_events=a_story()))
    done = await pagerctl("show", "inc-1")
    head, _, story = done.out.partition("\n\n")
    assert "opened          2026-03-01 03:12:04 CET (" in head
    assert "policy          shop r3" in head
    assert "link            https://run.example runbook" in head
    assert "details\n  df:\n  100 %" in head
    assert story.splitlines() == [
        '03:12:04  opened by an alert: "disk full" (error)',
        "03:12:04  level 1 of policy shop r3 notified: ana-mail (email), ana-phone (sms); next at 03:27:04",
        "03:12:04  handed off to ana-mail by smtp",
        "03:12:04  undeliverable to ana-phone (sms): no such number",
        '03:12:04  alert 2: "still full" (critical); nobody is notified',
        "03:12:04  level 2 names nobody: skipped",
        (
            "03:12:04  level 1 of the last known policy shop r3 (policy did not answer) notified: "
            "ana-mail (email), ana-phone (sms); next at 03:27:04"
        ),
        (
            "03:12:04  level 1 (cycle 2): no policy to be had (policy answered nonsense), catch-all target notified: "
            "ana-mail (email)"
        ),
        "03:12:04  exhausted: every level was notified 2 times, nobody answered",
        '03:12:04  acknowledged by ana: "on it"',
        "03:12:04  page to ana-phone cancelled: acknowledged",
        "03:12:04  handed off to ana-mail together with others, in bundle-1",
        (
            "03:12:04  level 2 of policy shop r3 notified: ana by mail (email), ben by phone (sms) on call on rota by "
            "override swap after 5m, 10m, 15m and 4 more until 35m; not reached: second (nobody on call)"
        ),
        (
            "03:12:04  level 3 reaches nobody: second (nobody on call), cleo (no verified contact method), "
            "emil (nobody is reached); skipped"
        ),
        "03:12:04  handed off to ben by phone, page 3 by sms",
        "03:12:04  page to ben by phone, page 4 is not needed any more",
        "2026-03-02 03:12:04  resolved: the service is healthy again",
        "2026-03-02 03:12:05  something that this pagerctl does not know: update it",
    ]


async def test_show_takes_a_service_for_its_newest_incident(pagerctl, pager):
    pager.script.answers("GetIncident", nothing_of_the_kind("INCIDENT_UNKNOWN", incident_id="payments"))
    pager.script.answers(
        "ListIncidents", pb.ListIncidentsResponse(incidents=[an_incident("inc-9")], next_page_token="t")
    )
    pager.script.answers("ListIncidentEvents", pb.ListIncidentEventsResponse(incident_events=a_story()[:1]))
    document = json.loads((await pagerctl("show", "payments", "--json")).out)
    assert document["incident"]["incident_id"] == "inc-9"
    assert document["incident_events"][0]["opened"]["alert"]["message"] == "disk full"
    assert pager.script.requests["ListIncidentEvents"][0].incident_id == "inc-9"


async def test_show_of_neither_incident_nor_service_is_a_refusal(pagerctl, pager):
    pager.script.answers("GetIncident", nothing_of_the_kind("INCIDENT_UNKNOWN", incident_id="x"))
    pager.script.answers("ListIncidents", pb.ListIncidentsResponse())
    done = await pagerctl("show", "x")
    assert done.code == 1
    assert "there is no incident 'x', and no service of that name has one" in done.err


async def test_an_unknown_service_is_a_refusal(pagerctl, pager):
    pager.script.answers(
        "GetMonitoredService", nothing_of_the_kind("MONITORED_SERVICE_UNKNOWN", monitored_service_id="paymnets")
    )
    done = await pagerctl("service", "paymnets")
    assert (done.code, done.err) == (
        1,
        "pagerctl: there is no service 'paymnets'; `pagerctl services` lists them\n",
    )


async def test_a_service_is_shown_with_its_newest_incidents(pagerctl, pager):
    pager.script.answers("GetMonitoredService", pb.GetMonitoredServiceResponse(monitored_service=a_service()))
    pager.script.answers("ListIncidents", pb.ListIncidentsResponse(incidents=[an_incident()]))
    done = await pagerctl("service", "payments")
    assert "payments  unhealthy" in done.out
    assert "disk full" in done.out
    document = json.loads((await pagerctl("service", "payments", "--json")).out)
    assert document["monitored_service"]["state"] == "STATE_UNHEALTHY"
    assert len(document["incidents"]) == 1


async def test_deliveries_are_those_of_the_notifier(pagerctl, notifier):
    delivery = notifier_pb.Delivery(
        delivery_id="d1",
        channel=notifier_pb.Delivery.CHANNEL_EMAIL,
        state=notifier_pb.Delivery.STATE_IN_DOUBT,
        recipient_hint="…@example.com",
        provider="smtp",
        attempt_count=2,
    )
    notifier.script.answers("ListDeliveries", notifier_pb.ListDeliveriesResponse(deliveries=[delivery]))
    done = await pagerctl("deliveries", "--state", "in-doubt")
    assert "d1        email    in doubt  …@example.com  2" in done.out
    assert list(notifier.script.requests["ListDeliveries"][0].states) == [notifier_pb.Delivery.STATE_IN_DOUBT]
    assert json.loads((await pagerctl("deliveries", "--json")).out)["deliveries"][0]["delivery_id"] == "d1"


async def test_a_terminal_gets_colours_and_ids_that_are_folded_rather_than_cut(pagerctl, pager):
    pager.script.answers("ListIncidents", pb.ListIncidentsResponse(incidents=[an_incident(LONG_ID, message="[bold]")]))
    out = (await _on_a_terminal(pagerctl, "incidents")).replace("\r\n", "\n")
    assert "\x1b[" in out
    assert "[bold]" in out
    assert "…" not in out


async def _on_a_terminal(pagerctl, *arguments):
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pager_cli.pagerctl", *arguments),
        stdout=theirs,
        env={**os.environ, **pagerctl.environment, "TERM": "xterm", "COLUMNS": "400"},
    )
    os.close(theirs)
    assert await process.wait() == 0
    seen = os.read(ours, 65536).decode()
    os.close(ours)
    return seen
