"""What may be found when somebody looks whether the pages of a policy will reach anybody."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pager_domain.kernel import PolicyId
from pager_domain.policy.people import ContactMethodId, PersonId
from pager_domain.policy.schedules import ScheduleId


class FindingKind(StrEnum):
    """What it is."""

    NOBODY_REACHED = "nobody_reached"
    SCHEDULE_GAP = "schedule_gap"
    NO_VERIFIED_CONTACT_METHOD = "no_verified_contact_method"
    SINGLE_POINT_OF_FAILURE = "single_point_of_failure"
    ONE_CHANNEL = "one_channel"
    UNVERIFIED_STEP = "unverified_step"
    PAGE_TOO_LATE = "page_too_late"


@dataclass(frozen=True, slots=True)
class Span:
    """From ``starts_at`` up to ``ends_at``."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that would keep a page of a policy from reaching somebody. ``level`` counts from 1; 0 means all."""

    kind: FindingKind
    policy_id: PolicyId
    level: int = 0
    person_id: PersonId | None = None
    schedule_id: ScheduleId | None = None
    contact_method_id: ContactMethodId | None = None
    span: Span | None = None

    @property
    def is_error(self) -> bool:
        """Nobody is reached; otherwise somebody is, with less to spare than it looks."""
        return self.kind is FindingKind.NOBODY_REACHED
