"""The outbox is worked off: pages are claimed, handed to the notifier, and what became of them is recorded."""

import asyncio
from collections.abc import Sequence
from contextvars import copy_context

import structlog

from pager_domain.errors import StoreUnavailable
from pager_domain.pager.application import PagerApplicationService
from pager_domain.pager.notification import Notification
from pager_domain.pager.ports.deliveries import Deliveries
from pager_domain.pager.ports.notification_outbox import Claim, NotificationOutbox, Result, Settled
from pager_grpc.pager import wakeups
from pager_grpc.pager.delivery_lines import ends_together, incidents_of, tell_in_its_context
from pager_grpc.pager.escalation_loop import ASIDE_SECONDS, pause_until
from pager_grpc.pager.spans import delivering, note_end
from pager_grpc.runtime.group_commit import GroupCommit
from pager_grpc.runtime.log_context import lines_are_about
from pager_grpc.runtime.supervision import Doorbell
from pager_grpc.runtime.tracing import NO_SPAN, Span, Tracing

log = structlog.get_logger()

IN_FLIGHT = 256
"""Pages handed to the notifier at the same time by one process."""
PROBE_PAUSE_SECONDS = 1.0
"""While no notifier is there, one page at a time tries to reach it, this often."""


class DeliveryLoop(Deliveries):
    """Keeps up to 256 attempts in flight; each records its own end, so that a slow one holds up nobody."""

    def __init__(
        self,
        application: PagerApplicationService,
        outbox: NotificationOutbox,
        recorder: GroupCommit[Result, bool],
        bell: Doorbell,
        tracing: Tracing | None = None,
    ) -> None:
        self._application = application
        self._outbox = outbox
        self._recorder = recorder
        self._bell = bell
        self._tracing = tracing
        self._attempts: set[asyncio.Task[None]] = set()
        self._context = copy_context()
        self._ends = ends_together()
        self._notifier_is_there = True
        self._was_asked = True
        self._waits_for_room = False
        self._more_may_be_owed = True

    async def step(self) -> float:
        """Claims what there is room for. Seconds to sleep unless woken; 0 while there may be more to do."""
        most = IN_FLIGHT if self._notifier_is_there else 1
        room = most - len(self._attempts)
        # A claim costs about the same for one page and for a hundred: with little room more attempts may end first.
        self._waits_for_room = room < -(-most // 2)
        if self._waits_for_room:
            return wakeups.SAFETY_PAUSE_SECONDS  # an attempt that ends rings the bell
        if not self._notifier_is_there and self._was_asked:
            await asyncio.sleep(PROBE_PAUSE_SECONDS)
        # Most rings tell of nothing that is owed now, and a look is cheaper than a claim.
        if not self._more_may_be_owed:
            seconds = await self._outbox.seconds_until_due()
            if seconds is None or seconds > 0:
                return pause_until(seconds)
        claims = await self._application.claim_due(room)
        self.begin(claims)
        self._more_may_be_owed = len(claims) >= room
        return 0.0 if self._more_may_be_owed else ASIDE_SECONDS

    @property
    def room(self) -> int:
        """None while pages may be owed that wait for it, or while one at a time tries to reach the notifier."""
        waits = self._waits_for_room or self._more_may_be_owed or not self._notifier_is_there
        return 0 if waits else IN_FLIGHT - len(self._attempts)

    def begin(self, claims: Sequence[Claim]) -> None:
        """Each attempt is a task of its own, in no trace but that of its page, whoever begins it.

        Claims of the loop and of a level that fires meanwhile may together be more than there was room for; each has
        its lease.
        """
        for claim in claims:
            attempt = asyncio.create_task(self._attempt(claim), context=self._context.copy())
            self._attempts.add(attempt)
            attempt.add_done_callback(self._ended)

    async def drain(self) -> None:
        """Waits for the attempts in flight; each has a deadline."""
        await asyncio.gather(*self._attempts)

    def _notice(self, result: Result) -> None:
        there = result.reached
        # What ends without the notifier, like a page that was answered meanwhile, takes no turn of those that need it.
        self._was_asked = there is not None
        if there is not None and there != self._notifier_is_there:
            log.warning("notifier_is_back" if there else "notifier_is_away")
            self._notifier_is_there = there

    def _ended(self, attempt: asyncio.Task[None]) -> None:
        self._attempts.discard(attempt)
        if self._waits_for_room:
            self._bell.ring()

    async def _attempt(self, claim: Claim) -> None:
        lines_are_about(claim.notification)
        with delivering(claim, self._tracing) as span:
            await self._attempt_in(span, claim)

    async def _attempt_in(self, span: Span, claim: Claim) -> None:
        try:
            result = await self._application.attempt(claim)
            self._notice(result)
            note_end(span, result)
            await self._recorder.submit(result)
        except StoreUnavailable:
            # The lease ends, the page is claimed again, and the notifier's ledger repeats its answer.
            span.fail("not recorded")
            log.warning("page_not_recorded", **incidents_of(claim))
            self._bell.ring()  # whoever sleeps until the next page is due does not know of that lease
        except Exception as error:
            span.fail(type(error).__name__)
            log.exception("page_attempt_failed", **incidents_of(claim))
            self._bell.ring()
        else:
            self._tell(span, result)

    def _tell(self, span: Span, result: Result) -> None:
        """A page in a trace has its own line there."""
        message = result.claim.notification
        if span is NO_SPAN and isinstance(result, Settled) and isinstance(message, Notification):
            self._ends.tell(result.outcome, message)
        else:
            tell_in_its_context(result)
