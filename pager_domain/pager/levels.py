"""Levels as the policy service resolved them: who is paged, by which rule, and so which pages one firing owes.

What a fired level owes to a target is a plan of pages. All of it is known when the level fires.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, count, islice, takewhile

from pager_domain.errors import InvalidField
from pager_domain.kernel import (
    DEFAULT_ACKNOWLEDGEMENT_TIMEOUT,
    MAX_ACKNOWLEDGEMENT_TIMEOUT,
    MAX_ID_BYTES,
    MAX_TARGETS_PER_LEVEL,
    MIN_ACKNOWLEDGEMENT_TIMEOUT,
    EmailTarget,
    NotificationTarget,
    TargetId,
    checked_id,
    checked_text,
    is_readable,
)
from pager_domain.pager.events import Severity
from pager_domain.pager.targets import Channel, NotifiedTarget, UnreachedTarget
from pager_domain.values import value

MAX_STEPS = 100
MAX_PAGES_PER_TARGET = 100
"""What one firing owes to one target, repeats included."""
MAX_DELAY = timedelta(hours=24)
MIN_REPEAT_INTERVAL = timedelta(seconds=1)

_LOW_URGENCY = (Severity.WARNING, Severity.INFO)


@value
class ResolvedStep:
    """One page to one address, ``delay`` after the level is notified."""

    target: NotificationTarget
    contact_method_id: str = ""
    delay: timedelta = timedelta()

    def __post_init__(self) -> None:
        checked_text("contact_method_id", self.contact_method_id, MAX_ID_BYTES)
        if not timedelta() <= self.delay <= MAX_DELAY:
            raise InvalidField("delay", "must be 0 to 24 hours")

    @property
    def channel(self) -> Channel:
        """The way it takes."""
        return channel_of(self.target)


@value
class ResolvedRule:
    """How a target is paged; the last step is taken again each ``repeat_interval``, if there is one."""

    steps: tuple[ResolvedStep, ...]
    repeat_interval: timedelta | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.steps) <= MAX_STEPS:
            raise InvalidField("steps", f"must be 1 to {MAX_STEPS}")
        if self.repeat_interval is not None and self.repeat_interval < MIN_REPEAT_INTERVAL:
            raise InvalidField("repeat_interval", "must be at least 1 second")


@value
class ResolvedTarget:
    """One person, or one address (then ``person_id`` is empty), that a level notifies.

    ``schedule_id``, ``layer_id`` and ``override_id`` say why this person: who is on call there at the moment.
    """

    target_id: TargetId
    high_urgency_rule: ResolvedRule
    low_urgency_rule: ResolvedRule | None = None
    person_id: str = ""
    schedule_id: str = ""
    layer_id: str = ""
    override_id: str = ""

    def __post_init__(self) -> None:
        checked_id("target_id", self.target_id)
        for field in ("person_id", "schedule_id", "layer_id", "override_id"):
            checked_text(field, getattr(self, field), MAX_ID_BYTES)

    def rule_for(self, severity: Severity) -> ResolvedRule:
        """Warnings and information page by the rule of low urgency, if there is one."""
        low = self.low_urgency_rule if severity in _LOW_URGENCY else None
        return low or self.high_urgency_rule

    @property
    def is_readable(self) -> bool:
        """Whether the key is here with which its addresses were stored."""
        rules = (rule for rule in (self.high_urgency_rule, self.low_urgency_rule) if rule is not None)
        return all(is_readable(step.target) for rule in rules for step in rule.steps)


@value
class ResolvedLevel:
    """Targets that are notified together, and how long they have to acknowledge; ``unreached`` are not notified."""

    targets: tuple[ResolvedTarget, ...]
    acknowledgement_timeout: timedelta = DEFAULT_ACKNOWLEDGEMENT_TIMEOUT
    unreached: tuple[UnreachedTarget, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.targets) <= MAX_TARGETS_PER_LEVEL:
            raise InvalidField("targets", f"must be 1 to {MAX_TARGETS_PER_LEVEL}")
        if len({(target.target_id, target.person_id) for target in self.targets}) < len(self.targets):
            raise InvalidField("targets", "must not name the same target_id twice for one person")
        if not MIN_ACKNOWLEDGEMENT_TIMEOUT <= self.acknowledgement_timeout <= MAX_ACKNOWLEDGEMENT_TIMEOUT:
            raise InvalidField("acknowledgement_timeout", "must be 1 second to 24 hours")


@dataclass(frozen=True, slots=True)
class EmptyLevel:
    """A level at which nobody can be reached at the moment; it is skipped at once."""

    unreached: tuple[UnreachedTarget, ...] = ()


@dataclass(frozen=True, slots=True)
class LaterLevel:
    """What a level, ``number`` from 1, will be from ``starts_at`` on."""

    number: int
    starts_at: datetime
    level: ResolvedLevel | EmptyLevel


@value
class PlannedPage:
    """A page that a firing owes to ``target`` by ``way``, after ``delay``; ``step`` counts those by this way from 0."""

    target: ResolvedTarget
    way: ResolvedStep
    step: int
    delay: timedelta

    @property
    def notified(self) -> NotifiedTarget:
        """Whom it is for, without the address."""
        return _notified(self.target, self.way)


def addresses(
    targets: Sequence[NotificationTarget], acknowledgement_timeout: timedelta = DEFAULT_ACKNOWLEDGEMENT_TIMEOUT
) -> ResolvedLevel:
    """A level that pages plain addresses, once each and at once."""
    resolved = tuple(ResolvedTarget(target.target_id, ResolvedRule((ResolvedStep(target),))) for target in targets)
    return ResolvedLevel(resolved, acknowledgement_timeout)


def channel_of(target: NotificationTarget) -> Channel:
    """The way to reach ``target``."""
    return Channel.EMAIL if isinstance(target, EmailTarget) else Channel.SMS


def address_of(target: NotificationTarget) -> str:
    """The e-mail address or phone number of ``target``."""
    return target.address.value if isinstance(target, EmailTarget) else target.number.value


def pages_of(level: ResolvedLevel, severity: Severity) -> list[PlannedPage]:
    """The pages that ``level`` owes for an alert of this ``severity``, target by target.

    None is due after the acknowledgement timeout, when the next level takes over. An address gets one page a moment,
    also through two targets.
    """
    pages: list[PlannedPage] = []
    taken: set[tuple[timedelta, Channel, str]] = set()
    steps: Counter[NotifiedTarget] = Counter()
    for target in level.targets:
        for delay, way in _moments(target.rule_for(severity), level.acknowledgement_timeout):
            moment = (delay, way.channel, address_of(way.target).lower())
            if moment in taken:
                continue
            taken.add(moment)
            notified = _notified(target, way)
            pages.append(PlannedPage(target, way, steps[notified], delay))
            steps[notified] += 1
    return pages


def _notified(target: ResolvedTarget, way: ResolvedStep) -> NotifiedTarget:
    return NotifiedTarget(target.target_id, way.channel, target.person_id, way.contact_method_id)


def _moments(rule: ResolvedRule, timeout: timedelta) -> Iterator[tuple[timedelta, ResolvedStep]]:
    """When each page is due. A rule whose first page would come too late pages at once: nobody is left out."""
    steps = sorted(rule.steps, key=lambda step: step.delay)
    if steps[0].delay >= timeout:
        return iter([(timedelta(), steps[0])])
    moments = chain(((step.delay, step) for step in steps), _repeats(steps[-1], rule.repeat_interval))
    return takewhile(lambda moment: moment[0] < timeout, islice(moments, MAX_PAGES_PER_TARGET))


def _repeats(last: ResolvedStep, interval: timedelta | None) -> Iterator[tuple[timedelta, ResolvedStep]]:
    if interval is not None:
        for again in count(1):
            yield last.delay + again * interval, last
