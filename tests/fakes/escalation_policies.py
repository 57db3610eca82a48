"""The policy service as the pager sees it, in a dictionary."""

from collections.abc import Sequence

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.interventions import Assignee, AssigneeKind
from pager_domain.pager.model import EscalationPolicy
from pager_domain.pager.ports.escalation_policy_repository import EscalationPolicyRepository, NoPolicy, PolicyQuestion

DOWN = NoPolicy("the policy service did not answer", passing=True)
ABSENT = NoPolicy("no escalation policy covers the service and there is no default", passing=False)


class FakeEscalationPolicies(EscalationPolicyRepository):
    """``covering`` has the policy of a service, ``people`` of a person; a ``fault`` is the answer to everything."""

    def __init__(self, default: EscalationPolicy | None = None) -> None:
        self.default = default
        self.covering: dict[MonitoredServiceId, EscalationPolicy] = {}
        self.revisions: dict[tuple[str, int], EscalationPolicy] = {}
        self.people: dict[str, EscalationPolicy] = {}
        self.fault: NoPolicy | None = None
        self.asked: list[PolicyQuestion] = []

    def store(self, policy: EscalationPolicy, *services: MonitoredServiceId, default: bool = False) -> None:
        """``policy`` is the newest revision of its id from now on and covers exactly ``services``; older ones stay."""
        others = {key: known for key, known in self.covering.items() if known.policy_id != policy.policy_id}
        self.covering = others | dict.fromkeys(services, policy)
        self.revisions[policy.policy_id, policy.revision] = policy
        if default:
            self.default = policy

    async def resolve(self, questions: Sequence[PolicyQuestion]) -> list[EscalationPolicy | NoPolicy]:
        self.asked += questions
        return [self.fault or self._answer(question) or ABSENT for question in questions]

    def _answer(self, question: PolicyQuestion) -> EscalationPolicy | None:
        policies = [*self.covering.values(), *([self.default] if self.default else [])]
        self.revisions |= {(policy.policy_id, policy.revision): policy for policy in policies}
        match question.assignee:
            case Assignee(AssigneeKind.PERSON, person_id):
                return self.people.get(person_id)
            case Assignee(AssigneeKind.POLICY, policy_id):
                return max(
                    (known for (name, _), known in self.revisions.items() if name == policy_id),
                    key=lambda policy: policy.revision,
                    default=None,
                )
        if question.pinned is not None:
            return self.revisions.get(question.pinned)
        return self.covering.get(question.monitored_service_id, self.default)
