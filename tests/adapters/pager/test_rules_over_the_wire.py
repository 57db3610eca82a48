"""The seven rules over a real channel, with delays of one second where time must pass."""

import asyncio

from adapters.pager.running import kinds, lines
from adapters.pager.scripted_servers import a_wire_level, a_wire_policy

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

LEVEL_1 = {"person-1-1@example.com": 1, "person-1-2@example.com": 1}
LEVEL_2 = {"person-2-1@example.com": 1, "person-2-2@example.com": 1}


async def test_rule_1_an_alert_notifies_all_targets_of_the_first_level(caller):
    answer = await caller.alert()
    assert (answer.opened, answer.alert_count) == (True, 1)
    assert answer.monitored_service.state == pb.MonitoredService.STATE_UNHEALTHY
    timeline = await caller.until_line(answer.incident.incident_id, "notification_settled", times=2)
    assert kinds(timeline) == ["opened", "level_notified", "notification_settled", "notification_settled"]
    [level] = lines(timeline, "level_notified")
    assert (level.cycle, level.level, level.acknowledgement_timeout.seconds) == (1, 1, 900)
    assert level.policy_source == pb.IncidentEvent.LevelNotified.POLICY_SOURCE_CURRENT
    assert caller.notifier.sent == LEVEL_1
    incident = await caller.incident(answer.incident.incident_id)
    assert (incident.policy_id, incident.policy_revision, incident.level) == ("shop", 1, 1)
    delay = incident.next_escalation_time.ToDatetime() - timeline[1].event_time.ToDatetime()
    assert abs(delay.total_seconds() - 900) < 1


async def test_rules_2_and_7_each_level_once_each_cycle_and_then_exhausted(caller):
    caller.policy.answer = a_wire_policy(a_wire_level(1), a_wire_level(2), repeats=1)
    incident_id = (await caller.alert()).incident.incident_id
    timeline = await caller.until_line(incident_id, "escalation_exhausted")
    assert [(n.cycle, n.level) for n in lines(timeline, "level_notified")] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert caller.notifier.sent == dict.fromkeys(LEVEL_1 | LEVEL_2, 2)
    incident = await caller.incident(incident_id)
    assert (incident.exhausted, incident.HasField("next_escalation_time")) == (True, False)
    assert [line.sequence for line in timeline] == list(range(1, len(timeline) + 1))


async def test_rules_3_and_5_after_an_answer_a_timeout_notifies_nobody(caller):
    caller.policy.answer = a_wire_policy(a_wire_level(1, seconds=4), a_wire_level(2))
    names = ("acknowledged", "healthy", "nobody")
    ids = {name: (await caller.alert(name)).incident.incident_id for name in names}
    for incident_id in ids.values():
        await caller.until_line(incident_id, "level_notified")
    acknowledged = await caller.acknowledge("acknowledged", note="on it")
    assert (acknowledged.acknowledged, acknowledged.incident.acknowledged_by) == (True, "ana")
    assert not (await caller.acknowledge("acknowledged", by="ben")).acknowledged
    assert (await caller.healthy("healthy")).resolved
    # The third service shows that the delays of the other two have run out as well, twice.
    await caller.until_line(ids["nobody"], "escalation_exhausted")
    for name, state in (("acknowledged", pb.Incident.STATE_ACKNOWLEDGED), ("healthy", pb.Incident.STATE_RESOLVED)):
        incident = await caller.incident(ids[name])
        assert (incident.state, incident.level, incident.HasField("next_escalation_time")) == (state, 1, False)
    assert caller.notifier.sent["person-2-1@example.com"] == 1


async def test_rule_4_an_alert_on_an_unhealthy_service_is_counted_and_notifies_nobody(caller):
    first = await caller.alert()
    await caller.until_line(first.incident.incident_id, "notification_settled", times=2)
    again = await caller.alert(message="again")
    assert (again.opened, again.alert_count, again.incident.incident_id) == (False, 2, first.incident.incident_id)
    assert again.incident.message == "payments fail"
    assert kinds(await caller.timeline(first.incident.incident_id))[-1] == "alert_repeated"
    assert caller.notifier.sent == LEVEL_1


async def test_rule_5_a_healthy_event_on_a_healthy_service_changes_nothing(caller):
    await caller.alert()
    first, second = await caller.healthy(), await caller.healthy()
    assert (first.resolved, second.resolved) == (True, False)
    assert second.monitored_service.state == pb.MonitoredService.STATE_HEALTHY
    assert not second.HasField("incident")
    assert (await caller.alert()).opened


async def test_rule_6_of_300_alerts_at_once_each_target_is_notified_once_for_each_incident(caller):
    services = [f"service-{n % 100}" for n in range(300)]
    answers = await asyncio.gather(*(caller.alert(service) for service in services))
    assert sum(answer.opened for answer in answers) == 100
    opened = {answer.incident.incident_id for answer in answers}
    assert len(opened) == 100
    assert sorted(answer.alert_count for answer in answers) == sorted([1, 2, 3] * 100)
    for incident_id in opened:
        await caller.until_line(incident_id, "notification_settled", times=2)
    assert caller.notifier.sent == dict.fromkeys(LEVEL_1, 100)
    assert len(caller.notifier.bodies) == 200
