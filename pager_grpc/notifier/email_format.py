"""An e-mail as bytes, and names made from delivery ids."""

import hashlib
import re
from datetime import datetime
from email import policy
from email.message import EmailMessage as MimeMessage
from email.utils import format_datetime

from pager_domain.kernel import EmailAddress
from pager_domain.notifier.messages import EmailMessage

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# RFC 5322: at most 998 characters a line.
_LONGEST_LINE = 998


def safe_name(delivery_id: str) -> str:
    """A name for ``delivery_id`` that is safe in a Message-ID and as a file, and different for different ids."""
    if _PLAIN_NAME.fullmatch(delivery_id):
        return delivery_id
    return "=" + hashlib.sha256(delivery_id.encode()).hexdigest()


def email_bytes(message: EmailMessage, sender: EmailAddress, now: datetime) -> bytes:
    """``message`` with CRLF line ends. A repeat of a delivery carries the same Message-ID."""
    mime = MimeMessage(policy=policy.SMTP)
    mime["From"] = sender.value
    mime["To"] = message.address.value
    # One line: a line end in a subject must not begin another header.
    mime["Subject"] = " ".join(message.subject.split())
    mime["Date"] = format_datetime(now)
    mime["Message-ID"] = f"<{safe_name(message.delivery_id)}@{sender.value.rpartition('@')[2]}>"
    # RFC 3834: keeps vacation responders from answering a machine.
    mime["Auto-Submitted"] = "auto-generated"
    mime.set_content(message.text_body, charset="utf-8", cte=_encoding_of(message.text_body))
    return mime.as_bytes()


def _encoding_of(text: str) -> str:
    plain = text.isascii() and all(len(line) <= _LONGEST_LINE for line in text.splitlines())
    return "7bit" if plain else "quoted-printable"
