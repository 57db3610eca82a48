"""The last known policies are kept fresh, so that an outage of the policy service finds a forecast of a day."""

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.model import EscalationPolicy
from pager_domain.pager.ports.escalation_policy_repository import EscalationPolicyRepository, NoPolicy, PolicyQuestion
from pager_domain.pager.ports.known_policies import KnownPolicies


class Forecasting:
    """One step asks for some of the policies that were learnt the longest ago."""

    def __init__(self, known: KnownPolicies, policies: EscalationPolicyRepository) -> None:
        self._known = known
        self._policies = policies

    async def step(self, limit: int) -> tuple[int, int]:
        """How many were asked for, and how many of these had an answer; those without stay as they are."""
        services, now = await self._known.claim(limit)
        if not services:
            return 0, 0
        answers = await self._policies.resolve([PolicyQuestion(service) for service in services])
        learnt: dict[MonitoredServiceId, EscalationPolicy] = {}
        uncovered: list[MonitoredServiceId] = []
        for service, answer in zip(services, answers, strict=True):
            if isinstance(answer, NoPolicy):
                uncovered += [] if answer.passing else [service]
            else:
                learnt[service] = answer
        if learnt or uncovered:
            await self._known.learn(learnt, uncovered, now)
        return len(services), len(learnt) + len(uncovered)
