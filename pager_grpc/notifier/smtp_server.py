"""Which mail server, and how a session with it begins."""

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Self
from urllib.parse import unquote, urlsplit

from aiosmtplib import SMTP, SMTPHeloError, SMTPServerDisconnected

from pager_grpc.notifier.smtp_session import SmtpSession

_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


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

    async def open_session(self, tls_context: ssl.SSLContext, budget: timedelta) -> SmtpSession:
        """Connects, encrypts, logs in and says hello.

        Raises:
            SMTPException, OSError: it cannot be had.
        """
        client = SMTP(
            hostname=self.host,
            port=self.port,
            username=self.username,
            password=self.password,
            use_tls=self.tls == "implicit",
            start_tls={"offered": None, "required": True, "implicit": False}[self.tls],
            tls_context=tls_context,
            local_hostname=_own_name(),
            timeout=budget.total_seconds(),
        )
        try:
            transport = await _connected(client)
        except BaseException:
            client.close()
            raise
        return SmtpSession(transport, pipelining=client.supports_extension("pipelining"))


async def _connected(client: SMTP) -> asyncio.BaseTransport:
    await client.connect()
    # Connecting says hello only where it has to know what the server offers.
    if client.is_ehlo_or_helo_needed:
        try:
            await client.ehlo()
        except SMTPHeloError:
            await client.helo()
    if client.protocol is None or client.protocol.transport is None:
        raise SMTPServerDisconnected("connection lost")
    return client.protocol.transport


def _own_name() -> str:
    # Like smtplib: an address literal where the machine has no full name. No look-up: it could block for seconds.
    name = socket.gethostname()
    return name if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name) else "[127.0.0.1]"
