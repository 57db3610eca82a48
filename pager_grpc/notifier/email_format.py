"""An e-mail as bytes, and names made from delivery ids."""

import hashlib
import re
from binascii import b2a_qp
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from pager_domain.kernel import EmailAddress
from pager_domain.notifier.messages import EmailMessage

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# RFC 5322: at most 998 characters a line, and better no more than 78.
_LONGEST_LINE = 998
_LONGEST_LINE_OF_A_HEADER = 78
# RFC 2047: one with encoded words no more than 76.
_LONGEST_ENCODED_LINE = 76
_ENTITY = b'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: %s\r\nMIME-Version: 1.0\r\n\r\n'


def safe_name(delivery_id: str) -> str:
    """A name for ``delivery_id`` that is safe in a Message-ID and as a file, and different for different ids."""
    if _PLAIN_NAME.fullmatch(delivery_id):
        return delivery_id
    return "=" + hashlib.sha256(delivery_id.encode()).hexdigest()


def email_bytes(message: EmailMessage, sender: EmailAddress, now: datetime) -> bytes:
    """``message`` with CRLF line ends. A repeat of a delivery carries the same Message-ID.

    What is plain is written as it is: the email package comes to the same bytes and takes longer than all the rest.
    Nothing is read as a header before it is written as one: whoever raises an alert chose the words of its subject.
    """
    headers = (
        _header("From", sender.value),
        _header("To", message.address.value),
        # One line: a line end in a subject must not begin another header.
        _text_header("Subject", " ".join(message.subject.split())),
        f"Date: {format_datetime(now)}\r\n",
        _header("Message-ID", f"<{safe_name(message.delivery_id)}@{sender.value.rpartition('@')[2]}>"),
        # RFC 3834: keeps vacation responders from answering a machine.
        "Auto-Submitted: auto-generated\r\n",
    )
    return "".join(headers).encode("ascii") + _entity(message.text_body)


def _header(name: str, value: str) -> str:
    """Of an address or an id: ASCII without a space, and shorter than a line may be."""
    return f"{name}: {value}\r\n"


def _text_header(name: str, value: str) -> str:
    return (_folded(name, value) if _is_plain(value) else "") or _encoded_header(name, value)


def _is_plain(text: str) -> bool:
    # "=?" may begin an encoded word, which a reader would decode.
    return text.isascii() and text.isprintable() and "=?" not in text


def _encoded_header(name: str, value: str) -> str:
    """From the first word on that is not plain all in encoded words (RFC 2047), also what looks like one."""
    line, words = f"{name}:", value.split(" ")
    while _is_plain(words[0]) and len(line) + len(words[0]) < _LONGEST_ENCODED_LINE // 2:
        line += f" {words.pop(0)}"
    encoded = Header(" ".join(words), "utf-8", _LONGEST_ENCODED_LINE, line).encode(linesep="\r\n")
    return f"{line} {encoded}\r\n"


def _folded(name: str, value: str) -> str:
    """A header in lines that are no longer than they should be; empty if a word of it is.

    One that fits into a line of its own stands there as a whole, else each line takes as many words as fit.
    """
    lines: list[str] = []
    line = f"{name}: {value}"
    while len(line) > _LONGEST_LINE_OF_A_HEADER:
        end = line.rfind(" ", 1, _LONGEST_LINE_OF_A_HEADER + 1)
        if not lines and len(value) < _LONGEST_LINE_OF_A_HEADER:
            end = len(name) + 1
        if end < 0:
            return ""
        lines.append(line[:end])
        line = line[end:]
    return "\r\n".join([*lines, line, ""])


def _entity(text: str) -> bytes:
    """The headers that say how the text is written, and the text."""
    lines = [*text.encode().splitlines(), b""]
    if text.isascii() and max(map(len, lines)) <= _LONGEST_LINE:
        return _ENTITY % b"7bit" + b"\r\n".join(lines)
    return _ENTITY % b"quoted-printable" + b2a_qp(b"\r\n".join(lines))
