"""The rate of each caller, in the memory of this process."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import timedelta
from time import monotonic
from typing import Final

from prometheus_client import CollectorRegistry, Counter

from pager_domain.errors import DomainError
from pager_domain.pager.errors import RaiseRateExceeded
from pager_domain.pager.model import Request
from pager_domain.token_bucket import TokenBucket

MOST_CALLERS: Final = 10_000
"""Beyond it the bucket of whoever raised nothing for longest is forgotten, which fills it."""
UNLIMITED: Final = ""


class RaiseRates:
    """Asks ``caller`` who raises; who is UNLIMITED is. Without a ``rate`` everybody is. ``clock`` is in seconds."""

    def __init__(
        self,
        rate: TokenBucket | None,
        caller: Callable[[], str],
        registry: CollectorRegistry,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._rate = rate
        self._caller = caller
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._refused = Counter(
            "pager_alerts_over_rate_total", "Alerts refused because their caller raised too many.", registry=registry
        )

    def require(self) -> None:
        """Takes a token for one alert.

        Raises:
            RaiseRateExceeded: there is none.
        """
        if self._rate is None or (caller := self._caller()) == UNLIMITED:
            return
        if not self._taken(self._rate, caller, 1):
            raise self._refusal(self._rate, caller)

    def within(self, requests: Sequence[Request | DomainError]) -> list[Request | DomainError]:
        """``requests``, those that there is no token for refused; the first ones are granted."""
        if self._rate is None or (caller := self._caller()) == UNLIMITED:
            return list(requests)
        wanted = sum(isinstance(request, Request) for request in requests)
        left = self._taken(self._rate, caller, wanted)
        if left == wanted:
            return list(requests)
        refusal = self._refusal(self._rate, caller)
        found: list[Request | DomainError] = []
        for request in requests:
            if isinstance(request, Request):
                found.append(request if left > 0 else refusal)
                left -= 1
            else:
                found.append(request)
        return found

    def _taken(self, rate: TokenBucket, caller: str, wanted: int) -> int:
        now = self._clock()
        granted, full_at = rate.granted(self._full_at.get(caller, now), now, wanted)
        self._full_at[caller] = full_at
        self._full_at.move_to_end(caller)
        if len(self._full_at) > MOST_CALLERS:
            self._full_at.popitem(last=False)
        if granted < wanted:
            self._refused.inc(wanted - granted)
        return granted

    def _refusal(self, rate: TokenBucket, caller: str) -> RaiseRateExceeded:
        return RaiseRateExceeded(timedelta(seconds=rate.wait(self._full_at[caller], self._clock())))
