"""Policies that are asked ahead sign the contract, and nothing is asked twice, or believed for long."""

import asyncio

import pytest
from builders import CHECKOUT, a_policy
from contracts.escalation_policies import EscalationPolicyRepositoryContract
from fakes.escalation_policies import DOWN, FakeEscalationPolicies

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.events import IncidentId
from pager_domain.pager.ports.escalation_policy_repository import NoPolicy, PolicyQuestion
from pager_grpc.pager import escalation_policies_ahead
from pager_grpc.pager.escalation_policies_ahead import AskedAhead

QUESTION = PolicyQuestion(CHECKOUT, None, IncidentId("one"))
OTHER = PolicyQuestion(MonitoredServiceId("search"), None, IncidentId("two"))


class SlowPolicies(FakeEscalationPolicies):
    """Begins every answer, and gives it once it is ``allowed`` to."""

    def __init__(self, default=None):
        super().__init__(default)
        self.allowed = asyncio.Event()

    async def resolve(self, questions):
        answers = await super().resolve(questions)
        await self.allowed.wait()
        return answers


@pytest.fixture
def slow():
    return SlowPolicies(a_policy())


@pytest.fixture
async def ahead(slow):
    async with AskedAhead(slow) as policies:
        yield policies


class AskingAll(AskedAhead):
    """Asks everything ahead first."""

    async def resolve(self, questions):
        self.ask_ahead(list(questions))
        await asyncio.sleep(0)
        return await super().resolve(questions)


class AheadRig:
    def __init__(self, repository, policies):
        self.repository, self._policies = repository, policies

    async def store(self, policy, *services, default=False):
        self._policies.store(policy, *services, default=default)

    async def break_down(self):
        self._policies.fault = DOWN


class TestAskedAhead(EscalationPolicyRepositoryContract):
    @pytest.fixture(params=[AskedAhead, AskingAll])
    async def rig(self, request):
        policies = FakeEscalationPolicies()
        async with request.param(policies) as repository:
            yield AheadRig(repository, policies)


async def test_what_was_asked_ahead_is_not_asked_again(slow, ahead):
    ahead.ask_ahead([QUESTION, OTHER])
    slow.allowed.set()
    assert await ahead.resolve([OTHER, QUESTION]) == [a_policy()] * 2
    assert slow.asked == [QUESTION, OTHER]


async def test_it_is_under_way_before_anybody_needs_it(slow, ahead):
    ahead.ask_ahead([QUESTION])
    await asyncio.sleep(0)
    assert slow.asked == [QUESTION]


async def test_an_answer_is_used_once(slow, ahead):
    slow.allowed.set()
    ahead.ask_ahead([QUESTION])
    await ahead.resolve([QUESTION])
    await ahead.resolve([QUESTION])
    assert slow.asked == [QUESTION] * 2


async def test_only_the_rest_is_asked_beside_what_was_asked_ahead(slow, ahead):
    slow.store(a_policy("find"), OTHER.monitored_service_id)
    slow.allowed.set()
    ahead.ask_ahead([QUESTION])
    assert await ahead.resolve([OTHER, QUESTION]) == [a_policy("find"), a_policy()]
    assert slow.asked == [OTHER, QUESTION]


async def test_an_old_answer_is_not_believed(slow, ahead, monkeypatch):
    monkeypatch.setattr(escalation_policies_ahead, "VALID_SECONDS", 0.0)
    slow.allowed.set()
    ahead.ask_ahead([QUESTION])
    asked_at = asyncio.get_running_loop().time()
    while not slow.asked or asyncio.get_running_loop().time() <= asked_at:
        await asyncio.sleep(0)
    slow.fault = NoPolicy("nobody is on call any more", passing=False)
    assert await ahead.resolve([QUESTION]) == [slow.fault]


async def test_only_so_many_are_asked_ahead(slow, ahead, monkeypatch):
    monkeypatch.setattr(escalation_policies_ahead, "_MOST", 1)
    slow.allowed.set()
    ahead.ask_ahead([QUESTION, OTHER])
    await asyncio.sleep(0)
    assert slow.asked == []
    assert await ahead.resolve([QUESTION, OTHER]) == [a_policy()] * 2


async def test_whoever_gives_up_waiting_leaves_the_answer_to_who_shares_the_question(slow, ahead):
    ahead.ask_ahead([QUESTION, OTHER])
    impatient = asyncio.create_task(ahead.resolve([QUESTION]))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    slow.allowed.set()
    assert await ahead.resolve([OTHER]) == [a_policy()]
    assert slow.asked == [QUESTION, OTHER]


async def test_what_is_under_way_ends_with_the_room():
    before = asyncio.all_tasks()
    async with AskedAhead(SlowPolicies(a_policy())) as policies:
        policies.ask_ahead([QUESTION])
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
