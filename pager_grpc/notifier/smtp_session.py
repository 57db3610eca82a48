"""One session with a mail server, for one e-mail after the other.

The phases of a hand-over decide what a failure means: until the content has left nothing can have been taken; after
that only a reply can tell. A library opens the session (``smtp_server.py``); it is spoken to directly, because that
library waits for each reply before it sends the next command.
"""

import asyncio
import re
from dataclasses import dataclass
from datetime import timedelta

import structlog
from aiosmtplib import SMTPResponse

from pager_domain.notifier.model import Accepted, Deferred, InDoubt, ProviderAnswer, Refused
from pager_grpc.notifier.abandoned import abandon
from pager_grpc.notifier.smtp_replies import SmtpReplies

log = structlog.get_logger()

RETRY_AFTER = timedelta(seconds=5)
_LEADING_DOT = re.compile(rb"(?m)^\.")
_QUEUED_AS = re.compile(r"\bqueued as (\S{1,100})", re.IGNORECASE)
_GO_ON, _CLOSING = 354, 421
# RFC 4954: the server wants a login or encryption that it did not get. Ours to mend, no fault of the message.
_CREDENTIAL_CODES = {530, 534, 535, 538}


@dataclass(frozen=True, slots=True)
class Envelope:
    """An e-mail as it is handed in; ``content`` has CRLF line ends and ends with one."""

    sender: str
    recipient: str
    content: bytes


class SmtpSession:
    """``handed_in`` counts the e-mails that were begun."""

    def __init__(self, transport: asyncio.BaseTransport, *, pipelining: bool) -> None:
        if not isinstance(transport, asyncio.WriteTransport):
            raise TypeError("a session is written to")
        self._transport = transport
        self._replies = SmtpReplies()
        transport.set_protocol(self._replies)
        self._pipelining = pipelining
        self._asked: list[str] = []
        self._content_left = self._closing = self._broken = self._to_reset = False
        self.handed_in = 0

    @property
    def usable(self) -> bool:
        """For another e-mail: nothing is to be answered, nothing came unasked, and the server is there."""
        settled = not self._asked and not self._replies.heard
        return settled and not (self._broken or self._replies.lost or self._transport.is_closing())

    @property
    def ended_before_content(self) -> bool:
        """The server has ended the session, and of the last e-mail no content had left."""
        return not self._content_left and (self._closing or self._replies.lost)

    async def hand_in(self, envelope: Envelope) -> ProviderAnswer:
        """MAIL, RCPT, DATA and the content; the first three in one write if the server allows it."""
        self.handed_in += 1
        self._content_left = False
        for commands in self._groups(envelope):
            failed = await self._ask(list(commands), "".join(f"{line}\r\n" for line in commands.values()).encode())
            if failed is not None:
                return failed
        self._content_left = True
        return await self._ask(["content"], _stuffed(envelope.content) + b".\r\n") or self._unanswered("no reply")

    def cut_off(self, said: str) -> ProviderAnswer:
        """What it means that nobody waits any longer; the session is of no use after it."""
        answer = self._judged()
        self._broken = True
        return answer or self._unanswered(said)

    def leave(self) -> None:
        """Says goodbye, without waiting for the reply: it could change nothing any more."""
        if self.usable:
            self._transport.write(b"QUIT\r\n")
        elif self._asked == ["content"]:
            abandon(self._transport)
        self._transport.close()

    def _groups(self, envelope: Envelope) -> list[dict[str, str]]:
        """What may be sent in one write each: by phase, the line."""
        lines = {"MAIL": f"MAIL FROM:<{envelope.sender}>", "RCPT": f"RCPT TO:<{envelope.recipient}>", "DATA": "DATA"}
        if self._to_reset:
            lines = {"RSET": "RSET"} | lines
            self._to_reset = False
        return [lines] if self._pipelining else [{phase: line} for phase, line in lines.items()]

    async def _ask(self, phases: list[str], data: bytes) -> ProviderAnswer | None:
        """None if the server wants to go on."""
        self._asked = phases
        self._transport.write(data)
        await self._replies.wait(len(phases))
        answer = self._judged()
        return self._unanswered("connection lost") if answer is None and self._asked else answer

    def _judged(self) -> ProviderAnswer | None:
        """What the replies that are there say: the first that is not as it should be counts."""
        answer: ProviderAnswer | None = None
        while self._asked and self._replies.heard:
            phase, reply = self._asked.pop(0), self._replies.heard.popleft()
            if answer is None:
                answer = self._judge(phase, reply)
            elif reply.code == _GO_ON:
                # The content of a refused e-mail is awaited, and none may be sent.
                self._broken = True
        return answer

    def _judge(self, phase: str, reply: SMTPResponse) -> ProviderAnswer | None:
        if phase == "DATA" and reply.code == _GO_ON:
            return None
        if 200 <= reply.code < 300 and phase != "DATA":
            queued = _QUEUED_AS.search(reply.message) if phase == "content" else None
            return Accepted(queued[1] if queued else "") if phase == "content" else None
        self._closing = reply.code == _CLOSING
        self._to_reset = True
        return self._refused(phase, reply.code, f"{phase}: {reply.code} {reply.message}")

    def _refused(self, phase: str, code: int, said: str) -> ProviderAnswer:
        self._broken = self._closing
        if 400 <= code < 500:
            return Deferred(RETRY_AFTER, said)
        self._broken = not 500 <= code < 600 or phase == "RSET" or code in _CREDENTIAL_CODES
        if not self._broken:
            return Refused(said)
        log.error("mail_server_refuses_us", phase=phase, code=code)
        # Here also: no reply that SMTP knows.
        return InDoubt(said) if self._content_left and code not in _CREDENTIAL_CODES else Deferred(RETRY_AFTER, said)

    def _unanswered(self, said: str) -> ProviderAnswer:
        phase = self._asked[0] if self._asked else "DATA"
        if self._content_left:
            return InDoubt(f"{phase}: {said}")
        log.warning("mail_server_unreachable", phase=phase, said=said)
        return Deferred(RETRY_AFTER, f"{phase}: {said}")


def _stuffed(content: bytes) -> bytes:
    # Looking first is cheaper than a pattern that is tried at every line.
    dotted = content.startswith(b".") or b"\n." in content
    return _LEADING_DOT.sub(b"..", content) if dotted else content
