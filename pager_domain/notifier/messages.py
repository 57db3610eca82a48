"""What is sent: one e-mail or one text message, checked, and how a possible duplicate is marked."""

import hashlib
import json
import re
from dataclasses import replace
from enum import StrEnum

from pager_domain.errors import InvalidField
from pager_domain.kernel import EmailAddress, PhoneNumber, checked_id, checked_text
from pager_domain.values import value

MAX_SUBJECT_BYTES = 1024
MAX_BODY_BYTES = 32 * 1024
MAX_SMS_CHARACTERS = 1600

POSSIBLE_DUPLICATE_LINE = "Possible duplicate: an earlier attempt to send this page may have arrived."
POSSIBLE_DUPLICATE_PREFIX = "[possible duplicate] "


class Channel(StrEnum):
    """The way a message takes."""

    EMAIL = "email"
    SMS = "sms"


@value
class EmailMessage:
    """One e-mail to one person. Line ends in the subject are allowed here and collapsed by whoever writes headers."""

    delivery_id: str
    address: EmailAddress
    subject: str
    text_body: str

    channel = Channel.EMAIL

    def __post_init__(self) -> None:
        checked_id("request_id", self.delivery_id)
        checked_text("subject", self.subject, MAX_SUBJECT_BYTES, required=True)
        checked_text("text_body", self.text_body, MAX_BODY_BYTES, required=True)

    @property
    def recipient_hint(self) -> str:
        """Enough to recognise the recipient, never the address."""
        return self.address.hint

    @property
    def fingerprint(self) -> str:
        """Equal for two messages of one delivery only if they say the same to the same person."""
        return _digest(self.delivery_id, self.channel, self.address.value, self.subject, self.text_body)

    def marked_possible_duplicate(self) -> "EmailMessage":
        """This e-mail with a first line that says so; its end gives way if the limit leaves no room."""
        body = f"{POSSIBLE_DUPLICATE_LINE}\n\n{self.text_body}"
        return replace(self, text_body=_cut_to_bytes(body, MAX_BODY_BYTES))

    def without_recipient(self, answer: str) -> str:
        """``answer`` of a provider with the recipient's address replaced by its hint."""
        return re.sub(re.escape(self.address.value), self.recipient_hint, answer, flags=re.IGNORECASE)


@value
class SmsMessage:
    """One text message to one phone."""

    delivery_id: str
    number: PhoneNumber
    text: str

    channel = Channel.SMS

    def __post_init__(self) -> None:
        checked_id("request_id", self.delivery_id)
        if len(self.text) > MAX_SMS_CHARACTERS:
            raise InvalidField("text", f"must be at most {MAX_SMS_CHARACTERS} characters")
        # A character takes at most four bytes of UTF-8.
        checked_text("text", self.text, 4 * MAX_SMS_CHARACTERS, required=True)

    @property
    def recipient_hint(self) -> str:
        """Enough to recognise the recipient, never the number."""
        return self.number.hint

    @property
    def fingerprint(self) -> str:
        """Equal for two messages of one delivery only if they say the same to the same person."""
        return _digest(self.delivery_id, self.channel, self.number.value, self.text)

    def marked_possible_duplicate(self) -> "SmsMessage":
        """This text message with a prefix that says so; its end gives way if the limit leaves no room."""
        text = POSSIBLE_DUPLICATE_PREFIX + self.text
        return replace(self, text=text if len(text) <= MAX_SMS_CHARACTERS else text[: MAX_SMS_CHARACTERS - 1] + "…")

    def without_recipient(self, answer: str) -> str:
        """``answer`` of a provider with the recipient's number replaced by its hint."""
        return re.sub(r"\+?" + self.number.value.removeprefix("+"), self.recipient_hint, answer)


Message = EmailMessage | SmsMessage


def _digest(*parts: str) -> str:
    # The delivery id salts it: equal pages to one person cannot be told from the ledger.
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _cut_to_bytes(text: str, limit: int) -> str:
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    return encoded[: limit - len("…".encode())].decode(errors="ignore") + "…"
