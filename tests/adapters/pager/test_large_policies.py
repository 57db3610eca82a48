"""Policies whose answers, together or one alone, are larger than a channel takes."""

from datetime import timedelta

import grpc
import pytest
from adapters.pager.scripted_servers import ScriptedPolicy, a_wire_level, a_wire_policy

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.model import EscalationPolicy
from pager_domain.pager.ports.escalation_policy_repository import NoPolicy, PolicyQuestion
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as pb_grpc
from pager_grpc.pager.escalation_policies_grpc import GrpcEscalationPolicies
from pager_grpc.runtime.channels import open_channel


class CountingPolicy(ScriptedPolicy):
    """Remembers how many questions came together; ``foretold`` is its answer to those that want a forecast."""

    def __init__(self) -> None:
        super().__init__()
        self.together: list[int] = []
        self.foretold: pb.ResolvedEscalation | None = None

    async def BatchResolveEscalations(self, request, context):  # noqa: N802
        self.together.append(len(request.requests))
        return await super().BatchResolveEscalations(request, context)

    def _result(self, question):
        if self.foretold is not None and question.HasField("forecast"):
            return pb.BatchResolveEscalationsResponse.Result(resolved_escalation=self.foretold)
        return super()._result(question)


@pytest.fixture
async def policy():
    server, scripted = grpc.aio.server(), CountingPolicy()
    pb_grpc.add_PolicyServiceServicer_to_server(scripted, server)
    scripted.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield scripted
    await server.stop(None)


@pytest.fixture
async def repository(policy):
    async with open_channel(f"127.0.0.1:{policy.port}") as channel:
        yield GrpcEscalationPolicies(channel, 30)


def questions(number):
    return [PolicyQuestion(MonitoredServiceId(f"service-{n}")) for n in range(number)]


def with_changes(number):
    """A policy whose first level is foretold to change so often."""
    level = a_wire_level(1, people=20)
    for hour in range(number):
        later = level.later_targets.add(targets=level.targets)
        later.start_time.FromSeconds(1_800_000_000 + hour * 3600)
    return a_wire_policy(level)


async def test_many_large_answers_come_in_parts_and_the_next_ones_at_once_in_parts_that_fit(policy, repository):
    policy.answer = with_changes(50)
    size = policy.answer.ByteSize()
    assert size * 100 > 4 * 1024 * 1024
    answers = await repository.resolve(questions(100))
    assert all(isinstance(answer, EscalationPolicy) for answer in answers)
    assert len(answers) == 100
    policy.together.clear()
    assert all(isinstance(answer, EscalationPolicy) for answer in await repository.resolve(questions(100)))
    assert sum(policy.together) == 100  # nothing was asked twice
    assert max(policy.together) * size <= 1024 * 1024


async def test_small_answers_come_all_at_once_again(policy, repository):
    policy.answer = with_changes(50)
    await repository.resolve(questions(100))
    policy.answer = a_wire_policy(a_wire_level(1))
    await repository.resolve(questions(20))
    policy.together.clear()
    await repository.resolve(questions(100))
    assert policy.together == [100]


async def test_one_answer_that_is_too_large_is_asked_for_without_its_forecast(policy, repository):
    policy.foretold = with_changes(8000)
    assert policy.foretold.ByteSize() > 4 * 1024 * 1024
    policy.answer = a_wire_policy(a_wire_level(1, seconds=60))
    answers = await repository.resolve(questions(3))
    assert policy.together == [3, *([1, 1] * 3)]  # a small answer for want of the forecast teaches nothing of the next
    assert [answer.levels[0].acknowledgement_timeout for answer in answers] == [timedelta(minutes=1)] * 3


async def test_one_answer_that_is_too_large_without_a_forecast_is_a_fault(policy, repository):
    policy.answer = with_changes(8000)
    [answer] = await repository.resolve(questions(1))
    assert isinstance(answer, NoPolicy)
    assert answer.passing


async def test_a_policy_service_that_does_not_answer_is_asked_once(policy, repository):
    policy.code = grpc.StatusCode.UNAVAILABLE
    answers = await repository.resolve(questions(100))
    assert (len(answers), {answer.passing for answer in answers}) == (100, {True})
    assert policy.together == [100]
