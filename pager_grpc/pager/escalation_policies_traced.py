"""Other policies, with a span for each question to them."""

from collections.abc import Sequence

from pager_domain.pager.model import EscalationPolicy
from pager_domain.pager.ports.escalation_policy_repository import EscalationPolicyRepository, NoPolicy, PolicyQuestion
from pager_grpc.runtime.trace_context import current_traceparent
from pager_grpc.runtime.tracing import SpanKind, Tracing, spanning


class TracedEscalationPolicies(EscalationPolicyRepository):
    """``policies``; a question that belongs to no trace has no span."""

    def __init__(self, policies: EscalationPolicyRepository, tracing: Tracing) -> None:
        self._policies = policies
        self._tracing = tracing

    async def resolve(self, questions: Sequence[PolicyQuestion]) -> list[EscalationPolicy | NoPolicy]:
        """As the policies."""
        parent = current_traceparent.get()
        with spanning(self._tracing, "ask whom to page", parent=parent, kind=SpanKind.CLIENT) as span:
            answers = await self._policies.resolve(questions)
            absent = [answer for answer in answers if isinstance(answer, NoPolicy)]
            span.note({"pager.questions": len(questions), "pager.questions_without_policy": len(absent)})
            if any(answer.passing and not answer.reaches_nobody for answer in absent):
                span.fail("no usable answer")
            return answers
