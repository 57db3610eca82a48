"""Places for e-mails: a bound on the sessions with a mail server, and the e-mails that wait for one of them.

Who waits may be announced: its commands leave behind the content of the e-mail before it (RFC 2920), and then it gets
that session.
"""

import asyncio
from collections import deque

from pager_grpc.notifier.smtp_session import Envelope, SmtpSession

PATIENCE_SECONDS = 0.25
"""How long an e-mail that was announced waits for the answer to the one before it, and for no other session."""
# A timer for each e-mail costs more than a look at all that wait.
_LOOK_SECONDS = 0.05


class OutgoingEmail:
    """An e-mail on its way, until ``deadline`` by the clock of the loop; it waits for a place until ``waits_until``.

    ``session`` is where it has been announced, if it has; ``following`` whom it has announced itself.
    """

    def __init__(self, envelope: Envelope, deadline: float, waits_until: float) -> None:
        self.envelope = envelope
        self.deadline = deadline
        self.waits_until = waits_until
        self.session: SmtpSession | None = None
        self.following: OutgoingEmail | None = None
        self.place: asyncio.Future[bool] | None = None  # whether there was one in time, for whoever had to wait

    @property
    def waits(self) -> bool:
        """Whether it still waits for a place."""
        return self.place is not None and not self.place.done()

    def settle(self, *, begins: bool) -> None:
        """It has a place now, or it has waited for too long."""
        if self.place is not None and not self.place.done():
            self.place.set_result(begins)


class SessionPlaces:
    """``count`` places; whoever comes later waits in turn, and not longer than they can."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.taken = 0
        self._waiting: deque[OutgoingEmail] = deque()
        self._announced: dict[OutgoingEmail, float] = {}
        self._looking: asyncio.TimerHandle | None = None

    async def take(self, email: OutgoingEmail) -> bool:
        """Whether there was a place in time; it must be given back."""
        if self.taken < self.count:
            self.taken += 1
            return True
        place: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        email.place = place
        self._waiting.append(email)
        self._look_later()
        try:
            return await place
        except asyncio.CancelledError:
            if not place.cancelled() and place.result():
                self._refused(email)
            raise

    def give_back(self) -> None:
        """Lets the next one in."""
        self.taken -= 1
        self._serve()

    def announce(self) -> OutgoingEmail | None:
        """The next one in turn, who from now on waits for one session and no other; None if nobody waits."""
        while self._waiting:
            email = self._waiting.popleft()
            if email.waits:
                self._announced[email] = asyncio.get_running_loop().time() + PATIENCE_SECONDS
                self._look_later()
                return email
        return None

    def give_session(self, email: OutgoingEmail, session: SmtpSession) -> bool:
        """Lets in who was announced on ``session``, beside the one who is about to give back its own place.

        False if it waits no longer, or for any session again.
        """
        if self._announced.pop(email, None) is None or not email.waits:
            return False
        email.session = session
        self.taken += 1
        email.settle(begins=True)
        return True

    def recall(self, email: OutgoingEmail) -> None:
        """Whoever was announced waits for any session again, as the first."""
        if self._announced.pop(email, None) is not None:
            self._waiting.appendleft(email)
            self._serve()

    def _refused(self, email: OutgoingEmail) -> None:
        """It was given a place, and whoever asked for it has gone."""
        if email.session is not None:
            email.session.leave()
        self.give_back()

    def _serve(self) -> None:
        while self.taken < self.count and self._waiting:
            email = self._waiting.popleft()
            if email.waits:
                self.taken += 1
                email.settle(begins=True)

    def _look_later(self) -> None:
        if self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """Who has waited for too long is told, and who waits for one session only may try others."""
        self._looking, now = None, asyncio.get_running_loop().time()
        for email in (*self._waiting, *self._announced):
            if email.waits_until <= now:
                email.settle(begins=False)
        self._waiting = deque(email for email in self._waiting if email.waits)
        for email in [email for email, until in self._announced.items() if until <= now or not email.waits]:
            self.recall(email)
        if self._waiting or self._announced:
            self._look_later()
