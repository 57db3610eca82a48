"""The promise, over the wire, with real processes: somebody is told, and told again, until a person answers."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable

import grpc
import pytest
from end_to_end.world import World, eventually, free_port

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc

ANA, BEN, CAT = "ana@example.com", "+4915112345678", "cat@example.com"


def test_every_level_is_paged_once_until_somebody_answers(world: World) -> None:
    world.create_policy([ANA, BEN], [CAT], ["dora@example.com"], seconds=2)
    incident = world.raise_alert(severity=pb.Incident.SEVERITY_ERROR).incident.incident_id
    eventually(lambda: world.mail.received()[CAT], "level 2 is paged")
    world.call("Acknowledge", pb.AcknowledgeRequest(monitored_service_id="checkout", acknowledged_by="cat"))
    world.raise_alert()
    healthy = world.call("MarkHealthy", pb.MarkHealthyRequest(monitored_service_id="checkout"))
    assert healthy.resolved
    eventually(lambda: world.kinds(incident).count("notification_settled") == 3, "all hand-offs are recorded")
    assert world.mail.received() == Counter({ANA: 1, CAT: 1})
    assert world.sms.received() == Counter({BEN: 1})
    assert [k for k in world.kinds(incident) if k != "notification_settled"] == [
        "opened",
        "level_notified",
        "level_notified",
        "acknowledged",
        "alert_repeated",
        "resolved",
    ]
    assert [event.sequence for event in world.timeline(incident)] == list(range(1, 10))


def test_a_page_says_what_is_broken_since_when_and_how_to_acknowledge(world: World) -> None:
    world.create_policy([ANA, BEN], seconds=60)
    world.raise_alert(details="größer als 5 %")
    letter = eventually(lambda: world.mail.letters, "the letter")[0]
    assert letter["Subject"] == "[CRITICAL] checkout: it burns"
    body = letter.get_content()
    for words in ("checkout", "it burns", "Level:     1", "größer als 5 %", "pagerctl ack checkout --by YOU", "UTC"):
        assert words in body
    text = eventually(lambda: world.sms.texts, "the text message")[0]
    assert text["Body"] == "CRITICAL checkout: it burns | level 1 | ack: pagerctl ack checkout --by YOU"


def test_an_escalation_goes_on_after_a_restart_in_its_middle(world: World) -> None:
    world.create_policy([ANA], [CAT], seconds=3)
    incident = world.raise_alert().incident.incident_id
    eventually(lambda: "notification_settled" in world.kinds(incident), "level 1 is handed off")
    world.rooms["pager"].kill()
    world.rooms["pager"].start()
    eventually(lambda: world.mail.received()[CAT], "level 2 is paged after the restart")
    assert world.mail.received() == Counter({ANA: 1, CAT: 1})


def test_nobody_left_to_page_is_said_and_not_hidden(world: World) -> None:
    world.create_policy([ANA], seconds=1)
    incident = world.raise_alert().incident.incident_id
    eventually(lambda: "escalation_exhausted" in world.kinds(incident), "the incident is exhausted")
    found = world.call("GetIncident", pb.GetIncidentRequest(incident_id=incident)).incident
    assert found.exhausted
    assert found.state == pb.Incident.STATE_OPEN


def test_after_kill_9_of_every_process_between_ok_and_the_page_the_page_arrives_once(world: World) -> None:
    world.create_policy([ANA], [CAT], seconds=600)
    world.rooms["notifier"].kill()
    world.rooms["policy"].kill()
    answer = world.raise_alert(request_id="r-1")
    world.rooms["pager"].kill()
    assert world.mail.received() == Counter()
    for room in ("policy", "notifier", "pager"):
        world.rooms[room].start()
    eventually(lambda: world.mail.received()[ANA], "ana is paged", 60)
    again = world.raise_alert(request_id="r-1")
    assert (again.incident.incident_id, again.opened) == (answer.incident.incident_id, True)
    eventually(lambda: "notification_settled" in world.kinds(answer.incident.incident_id), "the hand-off is recorded")
    assert world.mail.received()[ANA] == 1


def test_raising_needs_neither_policy_nor_notifier_and_the_page_goes_out_when_they_return(
    world: World, record_property: Callable[[str, object], None]
) -> None:
    world.create_policy([ANA], seconds=600)
    world.raise_alert("warm-up")
    for room in ("policy", "notifier"):
        world.rooms[room].stop()

    async def raise_on_a_warm_connection() -> tuple[pb.RaiseAlertResponse, float]:
        async with grpc.aio.insecure_channel(world.rooms["pager"].address) as channel:
            await channel.channel_ready()
            begin = time.monotonic()
            request = pb.RaiseAlertRequest(monitored_service_id="checkout", message="it burns")
            return await pb_grpc.PagerServiceStub(channel).RaiseAlert(request, timeout=5), time.monotonic() - begin

    answer, seconds = asyncio.run(raise_on_a_warm_connection())
    record_property("raise_alert_milliseconds", round(seconds * 1000, 1))
    for room in ("policy", "notifier"):
        world.rooms[room].start()
    eventually(lambda: world.mail.received()[ANA], "ana is paged when they are back", 60)
    events = [
        event.level_notified
        for event in world.timeline(answer.incident.incident_id)
        if event.HasField("level_notified")
    ]
    assert events[0].policy_source == pb.IncidentEvent.LevelNotified.POLICY_SOURCE_CATCH_ALL
    assert "did not answer" in events[0].policy_fault
    assert events[1].policy_source == pb.IncidentEvent.LevelNotified.POLICY_SOURCE_CURRENT
    assert world.mail.received()[ANA] == 1


def test_two_hundred_simultaneous_alerts_on_two_replicas_page_each_target_once(
    postgres_world: Callable[[], World],
) -> None:
    world = postgres_world()
    world.add("pager-2", "pager", free_port())
    world.start()
    world.create_policy([ANA, BEN, CAT], seconds=600)

    async def raise_at_once() -> set[str]:
        addresses = [world.rooms[label].address for label in ("pager", "pager-2")]
        async with grpc.aio.insecure_channel(addresses[0]) as one, grpc.aio.insecure_channel(addresses[1]) as other:
            stubs = [pb_grpc.PagerServiceStub(one), pb_grpc.PagerServiceStub(other)]
            requests = [pb.RaiseAlertRequest(monitored_service_id="checkout", message=f"alert {n}") for n in range(200)]
            calls = [stubs[n % 2].RaiseAlert(request, timeout=10) for n, request in enumerate(requests)]
            return {answer.incident.incident_id for answer in await asyncio.gather(*calls)}

    incidents = asyncio.run(raise_at_once())
    assert len(incidents) == 1
    incident = incidents.pop()
    eventually(lambda: world.kinds(incident).count("notification_settled") == 3, "three hand-offs are recorded")
    assert world.mail.received() == Counter({ANA: 1, CAT: 1})
    assert world.sms.received() == Counter({BEN: 1})
    found = world.call("GetIncident", pb.GetIncidentRequest(incident_id=incident)).incident
    assert found.alert_count == 200
    assert world.kinds(incident).count("level_notified") == 1
    listed = world.call("ListIncidents", pb.ListIncidentsRequest())
    assert len(listed.incidents) == 1


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_second_pager_on_the_same_sqlite_file_refuses_to_start(world: World) -> None:
    second = world.add("pager-2", "pager", free_port())
    with pytest.raises(AssertionError, match="another process uses this SQLite file"):
        second.start()
    assert second.process is not None
    assert second.process.wait() == 2
    second.process = None
    assert world.raise_alert().opened
