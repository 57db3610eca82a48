"""E-mail through a mail server.

The phases of a session are driven one by one, because they decide what a failure means: until the server has asked
for the content nothing can have been taken; after the content has left only a reply can tell.
"""

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Self
from urllib.parse import unquote, urlsplit

import structlog
from aiosmtplib import SMTP, SMTPException, SMTPResponse, SMTPResponseException, SMTPServerDisconnected

from pager_domain.kernel import Clock, EmailAddress
from pager_domain.notifier.messages import EmailMessage
from pager_domain.notifier.model import Accepted, Deferred, InDoubt, ProviderAnswer, Refused
from pager_domain.notifier.ports.email_sender import EmailSender
from pager_grpc.notifier.abandoned import abandon
from pager_grpc.notifier.email_format import email_bytes

log = structlog.get_logger()

RETRY_AFTER = timedelta(seconds=5)
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_LEADING_DOT = re.compile(rb"(?m)^\.")
_QUEUED_AS = re.compile(r"\bqueued as (\S{1,100})", re.IGNORECASE)
# RFC 4954: the server wants a login or encryption that it did not get. Ours to mend, no fault of the message.
_CREDENTIAL_CODES = {530, 534, 535, 538}


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where to hand e-mails in and how to encrypt and log in; the text form of it is a URL."""

    host: str
    port: int
    tls: Literal["offered", "required", "implicit"]
    username: str | None
    password: str | None

    @classmethod
    def from_url(cls, url: str) -> Self:
        """From ``smtp://``, ``smtp+starttls://`` or ``smtps://`` with user:password@host:port.

        Raises:
            ValueError: with what is wrong, and without the password.
        """
        parts = urlsplit(url)
        if parts.scheme not in _PORTS:
            raise ValueError("must begin with smtp://, smtp+starttls:// or smtps://")
        try:
            host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
        except ValueError:
            raise ValueError("must have a port of 1 to 65535") from None
        if not host or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("must be a server like smtp://user:password@mail.example.com:587")
        tls: Literal["offered", "required", "implicit"] = "offered"
        if parts.scheme != "smtp":
            tls = "implicit" if parts.scheme == "smtps" else "required"
        username = unquote(parts.username) if parts.username else None
        return cls(host, port, tls, username, unquote(parts.password or "") if username else None)


class SmtpEmailSender(EmailSender):
    """One session for each e-mail; certificates are verified by ``tls_context``."""

    provider = "smtp"

    def __init__(
        self, server: SmtpServer, sender: EmailAddress, clock: Clock, tls_context: ssl.SSLContext | None = None
    ) -> None:
        self._server = server
        self._sender = sender
        self._clock = clock
        self._tls_context = tls_context or ssl.create_default_context()

    async def send_email(self, message: EmailMessage, budget: timedelta) -> ProviderAnswer:
        """One session, from the greeting to the reply to the content."""
        content = email_bytes(message, self._sender, self._clock.now())
        session = _Session(self._client(budget))
        try:
            async with asyncio.timeout(budget.total_seconds()):
                return await session.hand_in(self._sender.value, message.address.value, content)
        except (SMTPException, OSError, TimeoutError) as fault:
            return session.failed(fault)
        finally:
            session.leave()

    def _client(self, budget: timedelta) -> SMTP:
        server = self._server
        return SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.tls == "implicit",
            start_tls={"offered": None, "required": True, "implicit": False}[server.tls],
            tls_context=self._tls_context,
            local_hostname=_own_name(),
            timeout=budget.total_seconds(),
        )


class _Session:
    """One SMTP session; knows how far it has come."""

    def __init__(self, client: SMTP) -> None:
        self._client = client
        self._phase = "connect"
        self._content_left = self._answered = False

    async def hand_in(self, sender: str, recipient: str, content: bytes) -> ProviderAnswer:
        """Connect, encrypt, log in; then MAIL, RCPT, DATA and the content."""
        await self._client.connect()
        self._phase = "MAIL"
        await self._client.mail(sender)
        self._phase = "RCPT"
        await self._client.rcpt(recipient)
        self._phase = "DATA"
        reply = await self._client.execute_command(b"DATA")
        if reply.code != 354:
            raise SMTPResponseException(reply.code, reply.message)
        self._phase = "content"
        reply = await self._send_content(content)
        self._answered = True
        if not 200 <= reply.code < 300:
            raise SMTPResponseException(reply.code, reply.message)
        queued = _QUEUED_AS.search(reply.message)
        return Accepted(queued[1] if queued else "")

    def failed(self, fault: Exception) -> ProviderAnswer:
        """What ``fault`` means in the phase it came in."""
        if isinstance(fault, SMTPResponseException):
            return self._replied(fault.code, f"{self._phase}: {fault.code} {fault.message}")
        said = f"{self._phase}: {str(fault) or type(fault).__name__}"
        if self._content_left:
            return InDoubt(said)
        log.warning("mail_server_unreachable", phase=self._phase, fault=type(fault).__name__)
        return Deferred(RETRY_AFTER, said)

    def leave(self) -> None:
        """Says goodbye without waiting for the reply: it could change nothing any more."""
        if self._client.protocol is not None and self._client.is_connected and self._answered:
            self._client.protocol.write(b"QUIT\r\n")
        elif self._content_left:
            abandon(self._client.transport)
        self._client.close()

    async def _send_content(self, content: bytes) -> SMTPResponse:
        protocol = self._client.protocol
        if protocol is None:
            raise SMTPServerDisconnected("connection lost")
        # Not SMTP.data(): it does not tell a connection lost before the content from one lost after it.
        protocol.write(_LEADING_DOT.sub(b"..", content) + b".\r\n")
        self._content_left = True
        return await protocol.read_response()

    def _replied(self, code: int, said: str) -> ProviderAnswer:
        if 400 <= code < 500:
            return Deferred(RETRY_AFTER, said)
        if self._phase == "connect" or code in _CREDENTIAL_CODES:
            log.error("mail_server_refuses_us", phase=self._phase, code=code)
            return Deferred(RETRY_AFTER, said)
        if 500 <= code < 600:
            return Refused(said)
        # No reply that SMTP knows.
        return InDoubt(said) if self._content_left else Deferred(RETRY_AFTER, said)


def _own_name() -> str:
    # Like smtplib: an address literal where the machine has no full name. No look-up: it could block for seconds.
    name = socket.gethostname()
    return name if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name) else "[127.0.0.1]"
