"""One session with a mail server, for one e-mail after the other.

The phases of a hand-over decide what a failure means: until the content has left nothing can have been taken; after
that only a reply can tell. A library opens the session (``smtp_server.py``); it is spoken to directly, because that
library waits for each reply before it sends the next command.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeAlias

import structlog
from aiosmtplib import SMTPResponse

from pager_domain.notifier.model import Accepted, Deferred, InDoubt, ProviderAnswer, Refused
from pager_domain.values import value
from pager_grpc.notifier.abandoned import abandon
from pager_grpc.notifier.smtp_replies import SmtpReplies

log = structlog.get_logger()

RETRY_AFTER = timedelta(seconds=5)
_LEADING_DOT = re.compile(rb"(?m)^\.")
_QUEUED_AS = re.compile(r"\bqueued as (\S{1,100})", re.IGNORECASE)
_GO_ON, _CLOSING = 354, 421
PROMPT_SECONDS = 0.1
"""A server that answers a content within this may be told of the next e-mail with it."""
# RFC 4954: the server wants a login or encryption that it did not get. Ours to mend, no fault of the message.
_CREDENTIAL_CODES = {530, 534, 535, 538}


@value
class Envelope:
    """An e-mail as it is handed in; ``content`` has CRLF line ends and ends with one."""

    sender: str
    recipient: str
    content: bytes

    @property
    def commands(self) -> dict[str, str]:
        """What comes before the content: by phase, the line."""
        return {"MAIL": f"MAIL FROM:<{self.sender}>", "RCPT": f"RCPT TO:<{self.recipient}>", "DATA": "DATA"}


Announce: TypeAlias = "Callable[[], Envelope | None]"
"""Which e-mail is the next of a session, asked for when the content of the one before it is about to leave."""


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
        self._own = 0  # how many of them are of the e-mail at hand; what is beyond is of the one that was announced
        self._announced: Envelope | None = None
        self._is_prompt = False
        self._content_left = self._closing = self._broken = self._to_reset = False
        self.handed_in = 0

    @property
    def usable(self) -> bool:
        """For another e-mail: nothing is to be answered, nothing came unasked, and the server is there."""
        return not self._asked and not self._replies.heard and self._is_sound

    @property
    def has_announced(self) -> bool:
        """For the e-mail that was announced, and for no other."""
        return self._announced is not None and self._is_sound

    @property
    def _is_sound(self) -> bool:
        return not (self._broken or self._replies.lost or self._transport.is_closing())

    @property
    def ended_before_content(self) -> bool:
        """The server has ended the session, and of the last e-mail no content had left."""
        return not self._content_left and (self._closing or self._replies.lost)

    async def hand_in(self, envelope: Envelope, announce: Announce = lambda: None) -> ProviderAnswer:
        """MAIL, RCPT, DATA and the content; the first three in one write if the server allows it.

        If it does, and was prompt with the last e-mail, those of the next one leave behind the content.
        """
        self.handed_in += 1
        self._content_left = False
        if (failed := await self._opened(envelope)) is not None:
            return failed
        self._content_left = True
        begun = asyncio.get_running_loop().time()
        answer = await self._content(envelope, announce if self._pipelining and self._is_prompt else lambda: None)
        accepted = isinstance(answer, Accepted)
        self._is_prompt = accepted and asyncio.get_running_loop().time() - begun < PROMPT_SECONDS
        # After a refusal the server is told to forget (RSET), and what was announced came before that.
        self._broken = self._broken or (self._announced is not None and not accepted)
        return answer

    async def _opened(self, envelope: Envelope) -> ProviderAnswer | None:
        """None if the server wants the content."""
        if self._announced is not None:
            self._announced = None
            return await self._answered(len(self._asked))
        for commands in self._groups(envelope):
            failed = await self._ask(list(commands), _written(commands))
            if failed is not None:
                return failed
        return None

    async def _content(self, envelope: Envelope, announce: Announce) -> ProviderAnswer:
        data, phases = _stuffed(envelope.content) + b".\r\n", ["content"]
        self._announced = following = announce()
        if following is not None:
            data += _written(following.commands)
            phases += following.commands
        return await self._ask(phases, data, own=1) or self._unanswered("no reply")

    def cut_off(self, said: str) -> ProviderAnswer:
        """What it means that nobody waits any longer; the session is of no use after it."""
        answer = self._judged()
        self._broken = True
        return answer or self._unanswered(said)

    def leave(self) -> None:
        """Says goodbye, without waiting for the reply: it could change nothing any more."""
        if self.usable:
            self._transport.write(b"QUIT\r\n")
        elif self._asked[:1] == ["content"]:
            abandon(self._transport)
        self._transport.close()

    def _groups(self, envelope: Envelope) -> list[dict[str, str]]:
        """What may be sent in one write each: by phase, the line."""
        lines = envelope.commands
        if self._to_reset:
            lines = {"RSET": "RSET"} | lines
            self._to_reset = False
        return [lines] if self._pipelining else [{phase: line} for phase, line in lines.items()]

    async def _ask(self, phases: list[str], data: bytes, *, own: int | None = None) -> ProviderAnswer | None:
        """None if the server wants to go on."""
        self._asked = phases
        self._transport.write(data)
        return await self._answered(len(phases) if own is None else own)

    async def _answered(self, own: int) -> ProviderAnswer | None:
        self._own = own
        await self._replies.wait(own)
        answer = self._judged()
        return self._unanswered("connection lost") if answer is None and self._own else answer

    def _judged(self) -> ProviderAnswer | None:
        """What the replies that are there say: the first that is not as it should be counts."""
        answer: ProviderAnswer | None = None
        while self._own and self._replies.heard:
            phase, reply = self._asked.pop(0), self._replies.heard.popleft()
            self._own -= 1
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
        phase = self._asked[0] if self._own else "DATA"
        if self._content_left:
            return InDoubt(f"{phase}: {said}")
        log.warning("mail_server_unreachable", phase=phase, said=said)
        return Deferred(RETRY_AFTER, f"{phase}: {said}")


def _written(commands: Mapping[str, str]) -> bytes:
    return "".join(f"{line}\r\n" for line in commands.values()).encode()


def _stuffed(content: bytes) -> bytes:
    # Looking first is cheaper than a pattern that is tried at every line.
    dotted = content.startswith(b".") or b"\n." in content
    return _LEADING_DOT.sub(b"..", content) if dotted else content
