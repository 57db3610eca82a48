"""Where the escalation policies come from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.events import IncidentId
from pager_domain.pager.interventions import Assignee
from pager_domain.pager.model import EscalationPolicy
from pager_domain.values import value


@value
class PolicyQuestion:
    """Whom does this incident of this service page ``at`` a moment, or now?

    With ``pinned``: by that (policy id, revision); with ``assignee``: whom that is.
    """

    monitored_service_id: MonitoredServiceId
    pinned: tuple[str, int] | None = None
    incident_id: IncidentId | None = None
    at: datetime | None = None
    assignee: Assignee | None = None

    @property
    def is_of_the_service(self) -> bool:
        """Whether the answer is the policy that covers the service now."""
        return self.pinned is None and self.assignee is None


@dataclass(frozen=True, slots=True)
class NoPolicy:
    """There is no usable answer. ``passing`` says that asking again soon may help.

    ``reaches_nobody``: there is a policy, and at the moment nobody can be reached at any of its levels.
    """

    fault: str
    passing: bool
    reaches_nobody: bool = False


class EscalationPolicyRepository(Protocol):
    """The policies as they are now, with the concrete targets of each level."""

    async def resolve(self, questions: Sequence[PolicyQuestion]) -> list[EscalationPolicy | NoPolicy]:
        """One answer a question, in their order; it never raises.

        They come within half a second (``PAGER_POLICY_DEADLINE``); where answers are so large that they come in parts,
        each part does.

        An unreachable or slow policy service and an answer that makes no sense are :class:`NoPolicy`.
        """

    def ask_ahead(self, questions: Sequence[PolicyQuestion]) -> None:
        """These will most likely be asked in a moment: who can may begin to look for the answers. Never waits."""
        return
