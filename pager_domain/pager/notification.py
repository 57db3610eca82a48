"""What is owed to somebody: a page, and a bundle of pages that go together."""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

from pager_domain.kernel import MonitoredServiceId, NotificationTarget
from pager_domain.pager.events import IncidentId, NotificationId, Severity
from pager_domain.pager.levels import address_of, channel_of
from pager_domain.pager.targets import Channel, NotifiedTarget
from pager_domain.values import value


@value
class Notification:
    """A page: one message that one level of one incident owes to one target, ``delay`` after it was notified.

    ``step`` counts the pages by the same way from 0. A page that comes sooner than planned, because the one before was
    refused, has that shorter delay. ``traceparent`` names the trace that it belongs to, empty if nobody traces; no rule
    looks into it.

    ``notification_id`` is derived from what makes it one page, never random: a second decision of the same page has the
    same id. It is asked for at every step of the way, so it is made once.
    """

    monitored_service_id: MonitoredServiceId
    incident_id: IncidentId
    cycle: int
    level: int
    target: NotificationTarget
    subject: str
    body: str
    severity: Severity = Severity.CRITICAL
    person_id: str = ""
    contact_method_id: str = ""
    step: int = 0
    delay: timedelta = timedelta()
    traceparent: str = ""
    notification_id: NotificationId = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "notification_id", self._derived_id())

    @property
    def channel(self) -> Channel:
        """The way it takes."""
        return channel_of(self.target)

    @property
    def address(self) -> str:
        """The e-mail address or phone number that it goes to."""
        return address_of(self.target)

    @property
    def notified(self) -> NotifiedTarget:
        """Whom it is for, without the address."""
        return NotifiedTarget(self.target.target_id, self.channel, self.person_id, self.contact_method_id)

    def _derived_id(self) -> NotificationId:
        whom = f"{self.channel.value}:{self.target.target_id}"
        if self.person_id or self.contact_method_id:
            # No id contains a line end.
            whom += f"\n{self.person_id}\n{self.contact_method_id}"
        digest = hashlib.sha256(whom.encode()).hexdigest()[:12]
        again = f"-{self.step}" if self.step else ""
        return NotificationId(f"{self.incident_id}-{self.cycle}-{self.level}-{digest}{again}")


@dataclass(frozen=True, slots=True)
class Bundle:
    """One message that carries ``pages`` to one recipient, the most severe first."""

    pages: tuple[Notification, ...]
    subject: str
    body: str

    @property
    def notification_id(self) -> NotificationId:
        """The id under which it is handed off: derived from its pages, which are in one bundle only, ever."""
        pages = "\n".join(sorted(page.notification_id for page in self.pages))
        return NotificationId(f"bundle-{hashlib.sha256(pages.encode()).hexdigest()[:24]}")

    @property
    def target(self) -> NotificationTarget:
        """Whom it is for."""
        return self.pages[0].target

    @property
    def severity(self) -> Severity:
        """That of the most severe page."""
        return self.pages[0].severity

    @property
    def traceparent(self) -> str:
        """The trace of the most severe page that has one."""
        return next((page.traceparent for page in self.pages if page.traceparent), "")
