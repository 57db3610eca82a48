"""Storms: a person gets a few messages one by one; what is owed beyond that goes together, in one message.

Nothing is dropped: each page goes alone, goes together with others, or waits some seconds for the next message.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pager_domain.pager.events import MOST_SEVERE_FIRST, Severity
from pager_domain.pager.notification import Notification
from pager_domain.values import value

MAX_BUNDLED = 1_000
"""Pages in one message; each is named or counted in it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """One recipient gets ``burst`` messages at once, and one more each ``interval`` after that."""

    burst: int = 6
    interval: timedelta = timedelta(seconds=10)


@value
class Traffic:
    """What one recipient got lately: it is calm again at ``calm_at``, when the whole burst may be used.

    ``most_severe`` is that of all messages since it was calm.
    """

    calm_at: datetime
    most_severe: Severity

    def with_messages(self, count: int, severity: Severity, now: datetime, pace: Pace) -> "Traffic":
        """After ``count`` more messages, the most severe of ``severity``."""
        begins = self.calm_at <= now
        worst = severity if begins or _outranks(severity, self.most_severe) else self.most_severe
        return Traffic(max(self.calm_at, now) + count * pace.interval, worst)


@value
class Arrangement:
    """What becomes of the pages that one recipient is owed now; ``traffic`` is what it will have been."""

    alone: tuple[Notification, ...]
    traffic: Traffic
    together: tuple[Notification, ...] = ()
    later: tuple[Notification, ...] = ()
    later_at: datetime | None = None


def uses_the_last_message(pace: Pace, traffic: Traffic | None, owed: int, now: datetime) -> bool:
    """Whether ``owed`` pages need the last message that is free, or more: then all that there are must be arranged.

    Whoever looks at some of them only would send them one by one, and let the others wait ever longer.
    """
    return owed >= pace.burst or (traffic is not None and owed >= _free_messages(pace, traffic, now))


def arranged(pace: Pace, traffic: Traffic | None, owed: Sequence[Notification], now: datetime) -> Arrangement:
    """Arranges ``owed``, the most severe first, for one recipient.

    What the pace allows goes alone. Of more, the last message that it allows carries all that is left; if it allows
    none, they wait for the next. A page more severe than all that this recipient got in the storm never waits, and is
    free of charge, so that nobody waits the longer for it.
    """
    traffic = traffic or Traffic(now, MOST_SEVERE_FIRST[-1])
    urgent = tuple(owed[:1]) if traffic.calm_at > now and _outranks(owed[0].severity, traffic.most_severe) else ()
    rest = tuple(owed[len(urgent) :])
    if urgent:
        traffic = replace(traffic, most_severe=urgent[0].severity)
    free = _free_messages(pace, traffic, now)
    if not rest:
        return Arrangement(urgent, traffic)
    if free == 0:
        return Arrangement(urgent, traffic, later=rest, later_at=traffic.calm_at - (pace.burst - 1) * pace.interval)
    traffic = traffic.with_messages(min(free, len(rest)), rest[0].severity, now, pace)
    if len(rest) <= free:
        return Arrangement((*urgent, *rest), traffic)
    return Arrangement((*urgent, *rest[: free - 1]), traffic, together=rest[free - 1 :])


def _free_messages(pace: Pace, traffic: Traffic, now: datetime) -> int:
    used = max(traffic.calm_at, now) - now
    return max(0, (pace.burst * pace.interval - used) // pace.interval)


def _outranks(one: Severity, other: Severity) -> bool:
    return MOST_SEVERE_FIRST.index(one) < MOST_SEVERE_FIRST.index(other)
