"""A synthetic incident that proves that paging works, from RaiseAlert to the notifier's ledger, and wakes nobody."""

from collections.abc import Iterable, Sequence

from pager_domain.kernel import CANARY_ADDRESS, MonitoredServiceId, email_target
from pager_domain.pager.events import Alert, IncidentEvent, NotificationSettled, Outcome
from pager_domain.pager.levels import addresses
from pager_domain.pager.model import EscalationPolicy
from pager_domain.pager.ports.escalation_policy_repository import EscalationPolicyRepository, NoPolicy, PolicyQuestion

CANARY = MonitoredServiceId("hexagonal-pager-canary")
CANARY_ALERT = Alert("Does paging work? Nobody needs to do anything.")
CANARY_POLICY = EscalationPolicy(str(CANARY), 1, (addresses([email_target("canary", CANARY_ADDRESS)]),))


class CanaryPolicies(EscalationPolicyRepository):
    """``policies``, but the canary has its own: the question is asked all the same, so the way there is tried."""

    def __init__(self, policies: EscalationPolicyRepository) -> None:
        self._policies = policies

    async def resolve(self, questions: Sequence[PolicyQuestion]) -> list[EscalationPolicy | NoPolicy]:
        """As the repository, in the order of the questions."""
        answers = await self._policies.resolve(questions)
        return [
            CANARY_POLICY if question.monitored_service_id == CANARY else answer
            for question, answer in zip(questions, answers, strict=True)
        ]

    def ask_ahead(self, questions: Sequence[PolicyQuestion]) -> None:
        """As the repository."""
        self._policies.ask_ahead(questions)


def came_through(timeline: Iterable[IncidentEvent]) -> bool | None:
    """Whether the canary's page was handed off; None while it is still owed."""
    ends = [event.what.outcome for event in timeline if isinstance(event.what, NotificationSettled)]
    return ends[0] is Outcome.HANDED_OFF if ends else None
