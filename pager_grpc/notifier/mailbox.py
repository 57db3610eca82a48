"""The embedded provider: a folder with one file for each message, for machines without mail server or gateway."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

from pager_domain.kernel import Clock, EmailAddress
from pager_domain.notifier.messages import EmailMessage, SmsMessage
from pager_domain.notifier.model import Accepted, Deferred, InDoubt, ProviderAnswer
from pager_domain.notifier.ports.email_sender import EmailSender
from pager_domain.notifier.ports.sms_sender import SmsSender
from pager_grpc.notifier.email_format import email_bytes, safe_name
from pager_grpc.runtime.files import write_durably

RETRY_AFTER = timedelta(seconds=5)
SENDER = EmailAddress("pager@localhost")


class Mailbox(EmailSender, SmsSender):
    """Writes into ``folder``. The file is named after the delivery, so a repeat replaces it and doubles nothing."""

    provider = "mailbox"

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    async def send_email(self, message: EmailMessage, budget: timedelta) -> ProviderAnswer:
        """Writes an ``.eml`` that every mail reader opens."""
        content = email_bytes(message, SENDER, self._clock.now())
        return await self._write(safe_name(message.delivery_id) + ".eml", content, budget)

    async def send_sms(self, message: SmsMessage, budget: timedelta) -> ProviderAnswer:
        """Writes a ``.json`` with delivery_id, to, text and time."""
        document = {
            "delivery_id": message.delivery_id,
            "to": message.number.value,
            "text": message.text,
            "time": self._clock.now().isoformat(),
        }
        content = json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"
        return await self._write(safe_name(message.delivery_id) + ".json", content, budget)

    async def _write(self, name: str, content: bytes, budget: timedelta) -> ProviderAnswer:
        try:
            async with asyncio.timeout(budget.total_seconds()):
                await asyncio.to_thread(_write, self._folder / name, content)
        except TimeoutError:
            return InDoubt("the disk did not answer in time")  # the thread may still finish
        except OSError as fault:
            return Deferred(RETRY_AFTER, f"cannot be written: {fault.strerror}")
        return Accepted(name)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, content)
