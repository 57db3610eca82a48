"""An e-mail as bytes, and names made from delivery ids."""

import hashlib
import re
from binascii import b2a_qp
from datetime import datetime
from email import policy
from email.utils import format_datetime

from pager_domain.kernel import EmailAddress
from pager_domain.notifier.messages import EmailMessage

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
# RFC 5322: at most 998 characters a line, and better no more than 78.
_LONGEST_LINE = 998
_LONGEST_LINE_OF_A_HEADER = 78
_ENTITY = b'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: %s\r\nMIME-Version: 1.0\r\n\r\n'


def safe_name(delivery_id: str) -> str:
    """A name for ``delivery_id`` that is safe in a Message-ID and as a file, and different for different ids."""
    if _PLAIN_NAME.fullmatch(delivery_id):
        return delivery_id
    return "=" + hashlib.sha256(delivery_id.encode()).hexdigest()


def email_bytes(message: EmailMessage, sender: EmailAddress, now: datetime) -> bytes:
    """``message`` with CRLF line ends. A repeat of a delivery carries the same Message-ID.

    What is plain is written as it is: the email package comes to the same bytes and takes longer than all the rest.
    """
    headers = (
        _address_header("From", sender.value),
        _address_header("To", message.address.value),
        # One line: a line end in a subject must not begin another header.
        _text_header("Subject", " ".join(message.subject.split())),
        f"Date: {format_datetime(now)}\r\n",
        _header("Message-ID", f"<{safe_name(message.delivery_id)}@{sender.value.rpartition('@')[2]}>"),
        # RFC 3834: keeps vacation responders from answering a machine.
        "Auto-Submitted: auto-generated\r\n",
    )
    return "".join(headers).encode("ascii") + _entity(message.text_body)


def _address_header(name: str, value: str) -> str:
    return _header(name, value) if _PLAIN_ADDRESS.fullmatch(value) else _composed_header(name, value)


def _text_header(name: str, value: str) -> str:
    # "=?" may begin an encoded word, which a reader would decode.
    plain = value.isascii() and value.isprintable() and "=?" not in value
    return (_folded(name, value) if plain else "") or _composed_header(name, value)


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


def _header(name: str, value: str) -> str:
    line = f"{name}: {value}"
    return f"{line}\r\n" if len(line) <= _LONGEST_LINE_OF_A_HEADER else _composed_header(name, value)


def _composed_header(name: str, value: str) -> str:
    return str(policy.SMTP.header_factory(name, value).fold(policy=policy.SMTP))


def _entity(text: str) -> bytes:
    """The headers that say how the text is written, and the text."""
    lines = [*text.encode().splitlines(), b""]
    if text.isascii() and max(map(len, lines)) <= _LONGEST_LINE:
        return _ENTITY % b"7bit" + b"\r\n".join(lines)
    return _ENTITY % b"quoted-printable" + b2a_qp(b"\r\n".join(lines))
