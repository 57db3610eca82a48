"""E-mail through a mail server, over a bounded number of sessions that are used again."""

import asyncio
import ssl
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Self

import structlog
from aiosmtplib import SMTPException, SMTPResponseException

from pager_domain.kernel import Clock, EmailAddress
from pager_domain.notifier.messages import EmailMessage
from pager_domain.notifier.model import Deferred, ProviderAnswer
from pager_domain.notifier.ports.email_sender import EmailSender
from pager_grpc.notifier.email_format import email_bytes
from pager_grpc.notifier.places import USUAL_PLACES
from pager_grpc.notifier.smtp_places import OutgoingEmail, SessionPlaces
from pager_grpc.notifier.smtp_server import SmtpServer
from pager_grpc.notifier.smtp_session import RETRY_AFTER, Envelope, SmtpSession

log = structlog.get_logger()

_MOST_EMAILS = 100
_IDLE_SECONDS = 10.0


class SmtpEmailSender(EmailSender):
    """An async context manager that owns the sessions; certificates are verified by ``tls_context``.

    At most ``sessions`` are open. One that carried ``most_emails``, or that nobody needed for ``idle_seconds``, is
    left; one that is in doubt is thrown away.
    """

    provider = "smtp"

    def __init__(
        self,
        server: SmtpServer,
        sender: EmailAddress,
        clock: Clock,
        tls_context: ssl.SSLContext | None = None,
        *,
        sessions: int = USUAL_PLACES,
        most_emails: int = _MOST_EMAILS,
        idle_seconds: float = _IDLE_SECONDS,
    ) -> None:
        self._server = server
        self._sender = sender
        self._clock = clock
        self._tls_context = tls_context or ssl.create_default_context()
        self._places = SessionPlaces(sessions)
        self._most_emails = most_emails
        self._idle_seconds = idle_seconds
        self._idle: list[tuple[float, SmtpSession]] = []
        self._sweep: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._most_emails = 0  # what is still under way is left at its end
        if self._sweep is not None:
            self._sweep.cancel()
        self._leave_idle_since(float("inf"))

    @property
    def sessions_in_use(self) -> int:
        """How many carry a message at the moment."""
        return self._places.taken

    @property
    def sessions_limit(self) -> int:
        """How many there may be."""
        return self._places.count

    async def send_email(self, message: EmailMessage, budget: timedelta) -> ProviderAnswer:
        """Waits for a session half of ``budget`` at most: who begins late could not hear the answer."""
        seconds = budget.total_seconds()
        content = email_bytes(message, self._sender, self._clock.now())
        envelope = Envelope(self._sender.value, message.address.value, content)
        now = asyncio.get_running_loop().time()
        email = OutgoingEmail(envelope, now + seconds, now + seconds / 2)
        if not await self._places.take(email):
            return Deferred(RETRY_AFTER, "all sessions with the mail server are busy")
        try:
            return await self._hand_in(email)
        finally:
            self._places.give_back()

    async def _hand_in(self, email: OutgoingEmail) -> ProviderAnswer:
        session = email.session or self._rested()
        if session is not None:
            answer = await self._hand_in_over(session, email)
            # If the server had left it while it was idle, that says nothing about this e-mail.
            if not (isinstance(answer, Deferred) and session.ended_before_content):
                return answer
        try:
            async with asyncio.timeout_at(email.deadline):
                session = await self._server.open_session(self._tls_context, self._left(email.deadline))
        except (SMTPException, OSError, TimeoutError) as fault:
            return _no_session(fault)
        return await self._hand_in_over(session, email)

    def _rested(self) -> SmtpSession | None:
        """A session that nobody uses."""
        while self._idle:
            _, session = self._idle.pop()
            if session.usable:
                return session
            session.leave()
        return None

    async def _hand_in_over(self, session: SmtpSession, email: OutgoingEmail) -> ProviderAnswer:
        try:
            async with asyncio.timeout_at(email.deadline):
                return await session.hand_in(email.envelope, partial(self._announced, email, session))
        except TimeoutError:
            return session.cut_off("no reply in time")
        finally:
            self._pass_on(session, email)

    def _announced(self, email: OutgoingEmail, session: SmtpSession) -> Envelope | None:
        """Who goes over ``session`` after ``email``, if anybody waits for a session."""
        if session.handed_in >= self._most_emails:
            return None
        email.following = following = self._places.announce()
        return following.envelope if following is not None else None

    def _pass_on(self, session: SmtpSession, email: OutgoingEmail) -> None:
        following = email.following
        if following is None:
            self._keep_or_leave(session)
        elif not (session.has_announced and self._places.give_session(following, session)):
            self._places.recall(following)
            session.leave()

    def _keep_or_leave(self, session: SmtpSession) -> None:
        if not session.usable or session.handed_in >= self._most_emails:
            session.leave()
            return
        loop = asyncio.get_running_loop()
        self._idle.append((loop.time(), session))
        if self._sweep is None:
            self._sweep = loop.call_later(self._idle_seconds, self._sweep_idle)

    def _sweep_idle(self) -> None:
        loop = asyncio.get_running_loop()
        self._leave_idle_since(loop.time() - self._idle_seconds)
        self._sweep = loop.call_at(self._idle[0][0] + self._idle_seconds, self._sweep_idle) if self._idle else None

    def _leave_idle_since(self, moment: float) -> None:
        # The last one used is the next one taken, so those that wait longest stand first.
        while self._idle and self._idle[0][0] <= moment:
            self._idle.pop(0)[1].leave()

    @staticmethod
    def _left(deadline: float) -> timedelta:
        return timedelta(seconds=max(deadline - asyncio.get_running_loop().time(), 0.001))


def _no_session(fault: Exception) -> Deferred:
    if isinstance(fault, SMTPResponseException):
        log.error("mail_server_refuses_us", phase="connect", code=fault.code)
        return Deferred(RETRY_AFTER, f"connect: {fault.code} {fault.message}")
    log.warning("mail_server_unreachable", phase="connect", fault=type(fault).__name__)
    return Deferred(RETRY_AFTER, f"connect: {str(fault) or type(fault).__name__}")
