"""The policy service goes away, a shift ends, and who is on call next is paged."""

from datetime import timedelta

import grpc
import pytest
from adapters.pager.running import PATIENCE, a_running_pager, kinds, lines
from adapters.pager.scripted_servers import ScriptedPolicy, a_wire_level, a_wire_policy, serving_policy
from builders import NOON, HandClock

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.ports.escalation_policy_repository import PolicyQuestion
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.pager.escalation_policies_grpc import GrpcEscalationPolicies
from pager_grpc.runtime.channels import open_channel

SOURCES = pb.IncidentEvent.LevelNotified
HOUR = timedelta(hours=1)
QUESTION = PolicyQuestion(MonitoredServiceId("checkout"))


def with_handoff(level, moment, successor) -> policy_pb.ResolvedLevel:
    """``level``, whose targets are those of ``successor`` from ``moment`` on."""
    later = level.later_targets.add(targets=successor.targets)
    later.start_time.FromDatetime(moment)
    return level


@pytest.fixture
def shift():
    """Person 1 for two hours, then person 2; person 3 is behind both of them."""
    on_call = with_handoff(a_wire_level(1, people=1, seconds=900), NOON + 2 * HOUR, a_wire_level(2, people=1))
    return a_wire_policy(on_call, a_wire_level(3, people=1, seconds=900))


async def test_a_handoff_during_an_outage_pages_the_new_person(tmp_path, shift):
    clock = HandClock()
    async with a_running_pager(f"sqlite+aiosqlite:///{tmp_path}/pager.db", tmp_path, clock=clock) as caller:
        caller.policy.answer = shift
        before = (await caller.alert()).incident.incident_id
        await caller.until_line(before, "notification_settled")
        await caller.healthy()
        caller.policy.code = grpc.StatusCode.UNAVAILABLE
        clock.advance(3 * 3600)
        during = (await caller.alert()).incident.incident_id
        timeline = await caller.until_line(during, "notification_settled")
    [paged] = lines(timeline, "level_notified")
    assert [target.target_id for target in paged.targets] == ["person-2-1"]
    assert paged.policy_source == SOURCES.POLICY_SOURCE_LAST_KNOWN
    assert paged.policy_fault == "the policy service did not answer (UNAVAILABLE); last known 10800 s ago"
    assert dict(caller.notifier.sent) == {"person-1-1@example.com": 1, "person-2-1@example.com": 1}


async def test_an_open_incident_pages_by_the_forecast_when_its_next_level_is_due(tmp_path, shift):
    later = with_handoff(shift.levels[1], NOON + timedelta(minutes=5), a_wire_level(4, people=1))
    assert later.later_targets
    clock = HandClock()
    async with a_running_pager(f"sqlite+aiosqlite:///{tmp_path}/pager.db", tmp_path, clock=clock) as caller:
        caller.policy.answer = shift
        incident = (await caller.alert()).incident.incident_id
        await caller.until_line(incident, "notification_settled")
        caller.policy.code = grpc.StatusCode.UNAVAILABLE
        clock.advance(901)
        timeline = await caller.until_line(incident, "notification_settled", 2)
    assert kinds(timeline).count("level_notified") == 2
    assert [target.target_id for target in lines(timeline, "level_notified")[1].targets] == ["person-4-1"]


class Asked(ScriptedPolicy):
    """Keeps the questions."""

    def __init__(self) -> None:
        super().__init__()
        self.questions = []

    async def BatchResolveEscalations(self, request, context):  # noqa: N802 - the contract names the method
        self.questions += request.requests
        return await super().BatchResolveEscalations(request, context)


@pytest.fixture
async def asking():
    policy = Asked()
    async with serving_policy(policy) as port, open_channel(f"127.0.0.1:{port}") as channel:
        yield policy, GrpcEscalationPolicies(channel, PATIENCE)


async def test_the_pager_asks_25_hours_ahead_where_it_keeps_the_answer(asking):
    policy, repository = asking
    await repository.resolve([QUESTION, PolicyQuestion(MonitoredServiceId("checkout"), ("shop", 1))])
    assert [question.forecast.ToTimedelta() for question in policy.questions] == [25 * HOUR, timedelta()]


async def test_a_forecast_is_read_in_the_order_of_time_with_the_delay_of_its_level(asking, shift):
    policy, repository = asking
    with_handoff(shift.levels[1], NOON + HOUR, policy_pb.ResolvedLevel())
    policy.answer = shift
    [answer] = await repository.resolve([QUESTION])
    gap, handoff = answer.later
    assert (gap.number, gap.starts_at, type(gap.level).__name__) == (2, NOON + HOUR, "EmptyLevel")
    assert (handoff.number, handoff.starts_at) == (1, NOON + 2 * HOUR)
    assert handoff.level.targets[0].target_id == "person-2-1"
    assert handoff.level.acknowledgement_timeout == timedelta(seconds=900)


async def test_a_forecast_that_makes_no_sense_takes_nothing_from_the_answer_of_now(asking, shift):
    policy, repository = asking
    shift.levels[0].later_targets[0].targets[0].high_urgency_rule.steps[0].email.email_address = "nobody"
    policy.answer = shift
    [answer] = await repository.resolve([QUESTION])
    assert (answer.policy_id, answer.later) == ("shop", ())
