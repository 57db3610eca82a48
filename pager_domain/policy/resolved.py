"""The answer to "whom does this page?": levels with the people who are on call and where each is reached."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pager_domain.kernel import PolicyId, TargetId
from pager_domain.policy.people import Address, ContactMethodId, PersonId
from pager_domain.policy.schedules import LayerId, OverrideId, ScheduleId


@dataclass(frozen=True, slots=True)
class ResolvedStep:
    """One page to one address, ``delay`` after the level is notified; a target that is an address has no method."""

    delay: timedelta
    address: Address
    contact_method_id: ContactMethodId | None = None


@dataclass(frozen=True, slots=True)
class ResolvedRule:
    """At least one step, ordered by delay; the last one is taken again every ``repeat_interval``, if there is one."""

    steps: tuple[ResolvedStep, ...]
    repeat_interval: timedelta | None = None


@dataclass(frozen=True, slots=True)
class ResolvedTarget:
    """One person, or one address, that a level notifies; ``low`` is None where it is as ``high``."""

    target_id: TargetId
    high: ResolvedRule
    low: ResolvedRule | None = None
    person_id: PersonId | None = None
    schedule_id: ScheduleId | None = None
    layer_id: LayerId | None = None
    override_id: OverrideId | None = None


class UnreachedReason(StrEnum):
    """Why nobody is reached at a target."""

    NOBODY_ON_CALL = "nobody_on_call"
    NO_VERIFIED_CONTACT_METHOD = "no_verified_contact_method"
    PERSON_UNKNOWN = "person_unknown"
    SCHEDULE_UNKNOWN = "schedule_unknown"
    NOT_ITS_TURN = "not_its_turn"


@dataclass(frozen=True, slots=True)
class UnreachedTarget:
    """A target, or one person of a schedule, that is not notified, and why."""

    target_id: TargetId
    reason: UnreachedReason
    person_id: PersonId | None = None
    schedule_id: ScheduleId | None = None


@dataclass(frozen=True, slots=True)
class LaterTargets:
    """Whom a level notifies from ``starts_at`` on."""

    starts_at: datetime
    targets: tuple[ResolvedTarget, ...]


@dataclass(frozen=True, slots=True)
class ResolvedLevel:
    """A level at one moment, and how it changes within the forecast; nobody is notified if ``targets`` is empty."""

    targets: tuple[ResolvedTarget, ...]
    acknowledgement_timeout: timedelta
    unreached: tuple[UnreachedTarget, ...] = ()
    later_targets: tuple[LaterTargets, ...] = ()


@dataclass(frozen=True, slots=True)
class ResolvedEscalation:
    """Whom to page. ``defaulted``: the default policy answers because no other names the service."""

    policy_id: PolicyId
    revision: int
    levels: tuple[ResolvedLevel, ...]
    repeat_count: int = 0
    defaulted: bool = False
    acknowledgement_expiry: timedelta | None = None
    reopen_window: timedelta | None = None
