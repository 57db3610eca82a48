"""Whom a level pages, how and when, and whom it does not reach: names and reasons, never an address."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from pager_domain.kernel import MAX_ID_BYTES, TargetId, checked_id, checked_text
from pager_domain.values import value


class Channel(StrEnum):
    """The way a page takes."""

    EMAIL = "email"
    SMS = "sms"


class UnreachedReason(StrEnum):
    """Why nobody is reached at a target. UNKNOWN: in a way that this version does not know."""

    UNKNOWN = "unknown"
    NOBODY_ON_CALL = "nobody_on_call"
    NO_VERIFIED_CONTACT_METHOD = "no_verified_contact_method"
    PERSON_UNKNOWN = "person_unknown"
    SCHEDULE_UNKNOWN = "schedule_unknown"
    NOT_ITS_TURN = "not_its_turn"


@value
class NotifiedTarget:
    """Whom a page goes to and how, without the address; of a plain address person and contact method are empty."""

    target_id: TargetId
    channel: Channel
    person_id: str = ""
    contact_method_id: str = ""


@value
class PlannedTarget:
    """One way in which a level pages one of its targets: so long after it was notified, the first page first.

    Without ``delays`` it is one page at once. The other ids say why this person: who is on call there.
    """

    target_id: TargetId
    channel: Channel
    person_id: str = ""
    contact_method_id: str = ""
    delays: tuple[timedelta, ...] = ()
    schedule_id: str = ""
    layer_id: str = ""
    override_id: str = ""

    @property
    def notified(self) -> NotifiedTarget:
        """Whom its pages go to."""
        return NotifiedTarget(self.target_id, self.channel, self.person_id, self.contact_method_id)


@dataclass(frozen=True, slots=True)
class UnreachedTarget:
    """A target at which nobody can be reached, and why."""

    target_id: TargetId
    reason: UnreachedReason
    person_id: str = ""
    schedule_id: str = ""

    def __post_init__(self) -> None:
        checked_id("target_id", self.target_id)
        for field in ("person_id", "schedule_id"):
            checked_text(field, getattr(self, field), MAX_ID_BYTES)
