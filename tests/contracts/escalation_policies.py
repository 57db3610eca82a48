"""What every source of escalation policies promises. A signer gives a ``rig``."""

from datetime import timedelta
from typing import Protocol

import pytest
from builders import CHECKOUT, a_level, a_policy

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.model import EscalationPolicy
from pager_domain.pager.ports.escalation_policy_repository import EscalationPolicyRepository, NoPolicy, PolicyQuestion

SEARCH = MonitoredServiceId("search")


class PoliciesRig(Protocol):
    """A repository and the far side of it."""

    repository: EscalationPolicyRepository

    async def store(self, policy: EscalationPolicy, *services: MonitoredServiceId, default: bool = False) -> None:
        """From now on ``policy`` is the newest revision of its id and covers exactly ``services``."""

    async def break_down(self) -> None:
        """Nobody answers any more."""


def of(service, pinned=None):
    return PolicyQuestion(service, pinned)


class EscalationPolicyRepositoryContract:
    @pytest.fixture
    async def rig(self) -> PoliciesRig:
        raise NotImplementedError

    async def test_a_policy_is_answered_with_every_level_target_and_delay(self, rig):
        levels = [a_level(1, targets=3, minutes=1 / 60), a_level(2, targets=1, minutes=24 * 60), a_level(3)]
        policy = a_policy("shöp 'x'", levels=levels, repeats=3)
        await rig.store(policy, CHECKOUT)
        [answer] = await rig.repository.resolve([of(CHECKOUT)])
        assert answer == policy
        assert [level.acknowledgement_timeout for level in answer.levels][:2] == [
            timedelta(seconds=1),
            timedelta(hours=24),
        ]

    async def test_a_service_that_nobody_covers_has_no_policy_and_asking_again_does_not_help(self, rig):
        await rig.store(a_policy(), SEARCH)
        [answer] = await rig.repository.resolve([of(CHECKOUT)])
        assert isinstance(answer, NoPolicy)
        assert not answer.passing
        assert answer.fault

    async def test_a_service_that_nobody_covers_gets_the_default(self, rig):
        await rig.store(a_policy("default"), default=True)
        await rig.store(a_policy("shop", levels=2), SEARCH)
        assert await rig.repository.resolve([of(CHECKOUT), of(SEARCH)]) == [
            a_policy("default"),
            a_policy("shop", levels=2),
        ]

    async def test_a_pinned_revision_stays_as_it_was_and_the_newest_is_for_who_asks_anew(self, rig):
        await rig.store(a_policy(levels=2), CHECKOUT)
        await rig.store(a_policy(levels=1, revision=2, repeats=1), CHECKOUT)
        pinned, newest = await rig.repository.resolve([of(CHECKOUT, ("shop", 1)), of(CHECKOUT)])
        assert pinned == a_policy(levels=2)
        assert newest == a_policy(levels=1, revision=2, repeats=1)

    async def test_a_pinned_revision_is_answered_also_when_its_policy_covers_the_service_no_longer(self, rig):
        await rig.store(a_policy(levels=2), CHECKOUT)
        await rig.store(a_policy(revision=2), SEARCH)
        pinned, covered = await rig.repository.resolve([of(CHECKOUT, ("shop", 1)), of(CHECKOUT)])
        assert pinned == a_policy(levels=2)
        assert isinstance(covered, NoPolicy)

    @pytest.mark.parametrize("pinned", [("shop", 7), ("nobody", 1)], ids=str)
    async def test_a_revision_that_never_was_has_no_policy(self, rig, pinned):
        await rig.store(a_policy(), CHECKOUT)
        [answer] = await rig.repository.resolve([of(CHECKOUT, pinned)])
        assert isinstance(answer, NoPolicy)
        assert not answer.passing

    async def test_every_question_has_its_answer_in_its_place(self, rig):
        await rig.store(a_policy("shop", levels=2), CHECKOUT)
        await rig.store(a_policy("find", levels=1), SEARCH)
        unknown = MonitoredServiceId("unknown")
        asked = [of(SEARCH), of(unknown), of(CHECKOUT), of(SEARCH), of(unknown, ("find", 1))]
        answers = await rig.repository.resolve(asked)
        assert isinstance(answers.pop(1), NoPolicy)
        assert [answer.policy_id for answer in answers] == ["find", "shop", "find", "find"]

    async def test_a_hundred_services_are_answered_at_once(self, rig):
        services = [MonitoredServiceId(f"service-{n}") for n in range(100)]
        await rig.store(a_policy(), *services)
        assert await rig.repository.resolve([of(service) for service in services]) == [a_policy()] * 100

    async def test_no_question_has_no_answer(self, rig):
        assert await rig.repository.resolve([]) == []

    async def test_when_nobody_answers_every_question_is_told_so_and_asking_again_may_help(self, rig):
        await rig.store(a_policy(), CHECKOUT)
        await rig.break_down()
        answers = await rig.repository.resolve([of(CHECKOUT), of(CHECKOUT, ("shop", 1)), of(SEARCH)])
        assert [isinstance(answer, NoPolicy) and answer.passing for answer in answers] == [True] * 3
        assert all(answer.fault for answer in answers)
