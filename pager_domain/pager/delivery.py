"""What becomes of a claimed page after an attempt to hand it off: settled, or owed again later."""

import random
import re
from dataclasses import replace
from datetime import timedelta
from functools import partial

from pager_domain.kernel import EmailTarget, NotificationTarget
from pager_domain.pager.events import NotificationSettled, Outcome
from pager_domain.pager.notification import Bundle
from pager_domain.pager.ports.email_sender import FateUnknown, HandedOff, HandOff, NotNow, Refused
from pager_domain.pager.ports.notification_outbox import Claim, Dissolved, Postponed, Result, Settled

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=30)
LONGEST_ASKED_PAUSE = timedelta(hours=1)
"""How long a page may be put off by the other side's word; a page that waits for days is a page that is lost."""
MAX_LOST_CLAIMS = 3
"""So many attempts in a row may end without a word before the page is suspected."""
UNREADABLE_FOR = timedelta(minutes=1)
"""How long a page waits for a replica that has the key of its address."""
_SHORTEST_PAUSE = timedelta(seconds=0.5)


def result_of(claim: Claim, answer: HandOff) -> Result:
    """The record to make of one attempt."""
    told = partial(settled, claim, reached=True)
    match answer:
        case HandedOff(provider, message_id, twice):
            return told(Outcome.HANDED_OFF, provider=provider, message_id=message_id, possibly_duplicated=twice)
        case Refused(reason) if isinstance(claim.notification, Bundle) and claim.attempt == 1:
            # Nobody has it, and what was wrong may be the bundle itself.
            return Dissolved(claim, reason)
        case Refused(reason):
            # Of an earlier attempt it may not be known how it ended: then the recipient may have it, even twice.
            return told(Outcome.UNDELIVERABLE, reason=reason, possibly_duplicated=claim.attempt > 1)
        case FateUnknown(reason):
            return told(Outcome.IN_DOUBT, reason=reason, possibly_duplicated=True)
        case NotNow(reason, after, reached):
            pause = _bounded(after) if after is not None else pause_before(claim.attempt + 1)
            return Postponed(claim, pause, reason, reached)


def unreadable(claim: Claim) -> Result:
    """The address is sealed with a key that is not here. Another replica may have it; after a minute it is lost.

    A page that ends unsent makes the next level due, and the policy is asked for addresses anew.
    """
    reason = "the address is sealed with a key that this pager does not have"
    if claim.age < UNREADABLE_FOR:
        return Postponed(claim, pause_before(claim.attempt + 1), reason, reached=None)
    return settled(claim, Outcome.UNDELIVERABLE, reason=reason)


def discreet(answer: HandOff, target: NotificationTarget) -> HandOff:
    """``answer`` without the address, which providers like to repeat: what was said goes into timelines and logs."""
    if isinstance(answer, HandedOff):
        return answer
    known = target.address if isinstance(target, EmailTarget) else target.number
    # Of a number any spelling: with its plus sign as such, as %2B, or without.
    said = re.sub(re.escape(known.value.removeprefix("+")), lambda _: known.hint, answer.reason, flags=re.IGNORECASE)
    return replace(answer, reason=said)


def quarantined(claim: Claim) -> Settled:
    """Whoever tried this died of it, or could never say how it ended: it is not tried again."""
    reason = f"quarantined: {claim.lost_claims} attempts in a row ended without a word"
    return settled(claim, Outcome.IN_DOUBT, reason=reason, possibly_duplicated=True)


def answered_meanwhile(claim: Claim) -> Settled:
    """The incident was answered or held; an earlier attempt whose end nobody recorded may have got through."""
    return settled(
        claim,
        Outcome.CANCELLED,
        reason="the incident was answered or held before the page was handed off",
        possibly_duplicated=claim.attempt > 1,
    )


def pause_before(attempt: int) -> timedelta:
    """Full jitter between 0.5 s and a bound that doubles from 1 s to 30 s."""
    bound = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempt - 2, 10)) if attempt > 1 else FIRST_PAUSE
    shortest, longest = _SHORTEST_PAUSE.total_seconds(), bound.total_seconds()
    return timedelta(seconds=random.uniform(shortest, longest))  # noqa: S311 - jitter is no secret


def _bounded(asked: timedelta) -> timedelta:
    return min(max(asked, _SHORTEST_PAUSE), LONGEST_ASKED_PAUSE)


def settled(
    claim: Claim,
    outcome: Outcome,
    *,
    provider: str = "",
    message_id: str = "",
    reason: str = "",
    possibly_duplicated: bool = False,
    reached: bool | None = None,
) -> Settled:
    """The end of a claim as a line in the timeline of each of its pages; ``reached``: the notifier told it."""
    bundle = claim.notification if isinstance(claim.notification, Bundle) else None
    end = Outcome.MERGED if bundle and outcome is Outcome.HANDED_OFF else outcome
    bundle_id = bundle.notification_id if bundle else ""
    events = tuple(
        NotificationSettled(
            page.notification_id,
            page.notified,
            page.cycle,
            page.level,
            end,
            provider,
            message_id,
            reason,
            possibly_duplicated,
            bundle_id,
            page.step,
        )
        for page in claim.pages
    )
    return Settled(claim, outcome, events, reached)
