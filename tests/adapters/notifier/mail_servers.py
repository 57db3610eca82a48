"""A real mail server (aiosmtpd) in this loop, and one that follows a script to fail at an exact point."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

CUT = "cut"
SILENCE = "silence"


class MailSession(SMTP):
    """Counts what its client says; ``sessions`` are all of the server."""

    def __init__(self, handler: "MailServer", sessions: "list[MailSession]", **options: Any) -> None:
        super().__init__(handler, **options)
        self._sessions = sessions
        self.said: list[str] = []
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self not in self._sessions:  # it is told again after STARTTLS
            self._sessions.append(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.gone.set()

    async def smtp_RSET(self, arg):  # noqa: N802 - aiosmtpd's name
        self.said.append("RSET")
        await super().smtp_RSET(arg)

    async def smtp_QUIT(self, arg):  # noqa: N802 - aiosmtpd's name
        self.said.append("QUIT")
        await super().smtp_QUIT(arg)


class MailServer:
    """Takes e-mails; ``refusals`` are the replies to MAIL, RCPT or DATA, if any.

    With a cleared ``gate`` it hesitates with its reply to the content.
    """

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.encrypted: list[bool] = []
        self.refusals: dict[str, str] = {}
        self.port = 0
        self.sessions: list[MailSession] = []
        self.called, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()
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
        self.called.set()
        await self.gate.wait()
        if "DATA" in self.refusals:
            return self.refusals["DATA"]
        self.envelopes.append(envelope)
        self.encrypted.append(session.ssl is not None)
        return f"250 2.0.0 Ok: queued as Q{len(self.envelopes)}"

    def hang_up(self) -> None:
        """Ends every session, as a server does with idle ones."""
        for session in self.sessions:
            if session.transport is not None:
                session.transport.close()

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.hang_up()
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
            return MailSession(
                self,
                self.sessions,
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

    The keys are "greeting", "EHLO", "MAIL", "RCPT", "DATA" and "content" (after the final dot). A list is used up one
    by one, its last entry for ever. With ``pipelining`` the server says that it can, and answers a MAIL only when all
    that belongs together has arrived.
    """

    def __init__(self, *, pipelining: bool = False, **script: str | list[str]) -> None:
        usual = {"greeting": "220 hi", "EHLO": "250 hi", "MAIL": "250 OK", "RCPT": "250 OK", "DATA": "354 go on"}
        if pipelining:
            usual["EHLO"] = "250-hi\r\n250 PIPELINING"
        self.script = usual | {"content": "250 OK"} | script
        self.contents: list[bytes] = []
        self.connections = 0
        self._pipelining = pipelining
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ScriptedMailServer"]:
        server = await asyncio.start_server(self._session, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in self._writers:
                writer.close()
            await server.wait_closed()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.connections += 1
        try:
            if not await self._reply("greeting", reader, writer):
                return
            while line := await reader.readline():
                verb = line.decode(errors="replace").partition(" ")[0].strip().upper()
                if verb == "MAIL" and self._pipelining:
                    ahead = await reader.readuntil(b"DATA\r\n")
                    assert ahead.startswith(b"RCPT TO:")
                    if not (await self._reply("MAIL", reader, writer) and await self._reply("RCPT", reader, writer)):
                        return
                    verb = "DATA"
                if verb == "QUIT" or not await self._reply(verb, reader, writer):
                    return
                if verb == "DATA" and self._last.startswith("354"):
                    self.contents.append(await reader.readuntil(b"\r\n.\r\n"))
                    if not await self._reply("content", reader, writer):
                        return
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _reply(self, phase: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        reply = self.script.get(phase, SILENCE)
        if isinstance(reply, list):
            reply = reply.pop(0) if len(reply) > 1 else reply[0]
        self._last = reply
        if reply == CUT:
            writer.transport.abort()
            return False
        if reply == SILENCE:
            await reader.read()  # until the client goes away
            return False
        writer.write(reply.encode() + b"\r\n")
        await writer.drain()
        return True


class PromptMailServer:
    """Takes all that has arrived at once, as RFC 2920 allows, and answers it at once.

    A content, or a RCPT, that holds one of the words in ``script`` is answered by the line there, or by :data:`CUT` or
    :data:`SILENCE`. ``chunks`` is what it read, as it came; ``resets`` tells of each session that ended whether its
    client cut it.
    """

    def __init__(self, **script: str) -> None:
        self.script = script
        self.chunks: list[bytes] = []
        self.contents: list[bytes] = []
        self.sessions: list[asyncio.Transport] = []
        self.said: list[str] = []
        self.resets = asyncio.Queue[bool]()
        self.port = 0

    @property
    def announced(self) -> int:
        """How often the commands of an e-mail came with the content of another."""
        return sum(chunk.count(b"\r\n.\r\nMAIL FROM") for chunk in self.chunks)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["PromptMailServer"]:
        server = await asyncio.get_running_loop().create_server(lambda: _PromptSession(self), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for session in self.sessions:
                session.abort()
            await server.wait_closed()

    def reply_to(self, said: bytes, usual: str) -> str:
        return next((reply for word, reply in self.script.items() if word.encode() in said), usual)


class _PromptSession(asyncio.Protocol):
    def __init__(self, server: PromptMailServer) -> None:
        self._server = server
        self._rest = b""
        self._in_content = self._silent = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.sessions.append(transport)
        transport.write(b"220 hi\r\n")

    def data_received(self, data: bytes) -> None:
        self._server.chunks.append(data)
        self._rest += data
        while (end := b"\r\n.\r\n" if self._in_content else b"\r\n") in self._rest:
            said, _, self._rest = self._rest.partition(end)
            self._answer(self._reply_to(said))

    def connection_lost(self, error: Exception | None) -> None:
        self._server.resets.put_nowait(isinstance(error, ConnectionResetError))

    def _answer(self, reply: str) -> None:
        self._silent = self._silent or reply == SILENCE
        if reply == CUT:
            self._transport.abort()
        elif not self._silent:
            self._transport.write(reply.encode() + b"\r\n")

    def _reply_to(self, said: bytes) -> str:
        if self._in_content:
            self._in_content = False
            self._server.contents.append(said)
            return self._server.reply_to(said, "250 OK")
        verb = said[:4].decode()
        self._server.said.append(verb)
        self._in_content = verb == "DATA"
        usual = {"EHLO": "250-hi\r\n250 PIPELINING", "DATA": "354 go on"}.get(verb, "250 OK")
        return self._server.reply_to(said, usual) if verb == "RCPT" else usual
