"""A real mail server (aiosmtpd) in this loop, and one that follows a script to fail at an exact point."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

CUT = "cut"
SILENCE = "silence"


class MailServer:
    """Takes e-mails; ``refusals`` are the replies to RCPT or DATA, if any."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.encrypted: list[bool] = []
        self.refusals: dict[str, str] = {}
        self.port = 0
        self._server: asyncio.Server | None = None

    @property
    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(e.original_content, policy=policy.default) for e in self.envelopes]

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if "MAIL" in self.refusals:
            return self.refusals["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if "RCPT" in self.refusals:
            return self.refusals["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session: Session, envelope: Envelope):  # noqa: N802 - aiosmtpd's name
        if "DATA" in self.refusals:
            return self.refusals["DATA"]
        self.envelopes.append(envelope)
        self.encrypted.append(session.ssl is not None)
        return f"250 2.0.0 Ok: queued as Q{len(self.envelopes)}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    @asynccontextmanager
    async def running(
        self, *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None, password: str = ""
    ) -> AsyncIterator["MailServer"]:
        def check(server, session, envelope, mechanism, given) -> AuthResult:
            good = isinstance(given, LoginPassword) and given.password == password.encode()
            return AuthResult(success=good, handled=False)

        def session() -> SMTP:
            return SMTP(
                self,
                hostname="double.test",
                tls_context=starttls,
                require_starttls=starttls is not None,
                auth_required=bool(password),
                auth_require_tls=starttls is not None,
                authenticator=check,
            )

        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(session, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            await self.stop()


class ScriptedMailServer:
    """Answers each verb with the line in ``script``, or cuts the connection, or falls silent.

    The keys are "greeting", "EHLO", "MAIL", "RCPT", "DATA" and "content" (after the final dot).
    """

    def __init__(self, **script: str) -> None:
        usual = {"greeting": "220 hi", "EHLO": "250 hi", "MAIL": "250 OK", "RCPT": "250 OK", "DATA": "354 go on"}
        self.script = usual | {"content": "250 OK"} | script
        self.contents: list[bytes] = []
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ScriptedMailServer"]:
        server = await asyncio.start_server(self._session, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not await self._reply("greeting", reader, writer):
                return
            while line := await reader.readline():
                verb = line.decode(errors="replace").partition(" ")[0].strip().upper()
                if verb == "QUIT" or not await self._reply(verb, reader, writer):
                    return
                if verb == "DATA" and self.script["DATA"].startswith("354"):
                    self.contents.append(await reader.readuntil(b"\r\n.\r\n"))
                    if not await self._reply("content", reader, writer):
                        return
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _reply(self, phase: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        reply = self.script.get(phase, SILENCE)
        if reply == CUT:
            writer.transport.abort()
            return False
        if reply == SILENCE:
            await reader.read()  # until the client goes away
            return False
        writer.write(reply.encode() + b"\r\n")
        await writer.drain()
        return True
