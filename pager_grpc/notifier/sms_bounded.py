"""Another sender of text messages, within what the operator pays for: countries, and so many a day."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from time import monotonic

import structlog
from prometheus_client import CollectorRegistry, Counter

from pager_domain.notifier.messages import SmsMessage
from pager_domain.notifier.model import Deferred, ProviderAnswer, Refused
from pager_domain.notifier.ports.sms_sender import SmsSender
from pager_domain.token_bucket import TokenBucket

log = structlog.get_logger()

_DAY_SECONDS = 86_400.0
_ELSEWHERE = "text messages go only where NOTIFIER_SMS_PREFIXES allows it"
_SPENT = "the text messages of the day are spent (NOTIFIER_SMS_PER_DAY)"


class BoundedSmsSender(SmsSender):
    """``sender``, for numbers that begin with one of ``prefixes`` (none: all), ``per_day`` at most (0: any number).

    What is beyond is refused for good, so that another way to the person is taken at once; it is never silence. What
    was taken, or may have been, counts, in the memory of this process, and anew with it. ``clock`` is in seconds.
    """

    def __init__(
        self,
        sender: SmsSender,
        prefixes: Sequence[str],
        per_day: int,
        registry: CollectorRegistry,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.provider = sender.provider
        self._sender = sender
        self._prefixes = tuple(prefixes)
        self._day = TokenBucket(per_day / _DAY_SECONDS, per_day) if per_day else None
        self._full_at = clock()
        self._clock = clock
        self._refused = Counter(
            "notifier_text_messages_refused_total",
            "Text messages beyond what the operator allows.",
            ["limit"],
            registry=registry,
        )
        for limit in ("destination", "day"):
            self._refused.labels(limit)

    async def send_sms(self, message: SmsMessage, budget: timedelta) -> ProviderAnswer:
        """As ``sender``, or refused."""
        if self._prefixes and not message.number.value.startswith(self._prefixes):
            return self._no("destination", _ELSEWHERE, message)
        if self._day is None:
            return await self._sender.send_sms(message, budget)
        granted, self._full_at = self._day.granted(self._full_at, self._clock(), 1)
        if not granted:
            return self._no("day", _SPENT, message)
        answer = await self._sender.send_sms(message, budget)
        if isinstance(answer, Deferred | Refused):  # not taken, and not paid for
            self._full_at = self._day.given_back(self._full_at, 1)
        return answer

    def _no(self, limit: str, said: str, message: SmsMessage) -> Refused:
        self._refused.labels(limit).inc()
        log.error("text_message_beyond_limit", limit=limit, recipient=message.recipient_hint)
        return Refused(said)
