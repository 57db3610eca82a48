"""One server, called with patience: deadlines and retries. The client contract of the Pager lives here.

A write carries a request_id and is repeated with the same one while the outcome is unknown and time is left, so that
it happens once. A read is repeated once, or until each endpoint was asked. What the server has not taken because it
is busy is asked again when it says so. No other answer is asked for twice.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import grpc

from pager_grpc.client.endpoints import Endpoints
from pager_grpc.client.errors import failure
from pager_grpc.client.patience import RetryBudget
from pager_grpc.runtime.errors import INTERNAL_TEXT, RpcFault, fault_of

Request = TypeVar("Request")
Request_contra = TypeVar("Request_contra", contravariant=True)
Answer_co = TypeVar("Answer_co", covariant=True)
Answer = TypeVar("Answer")

# CANCELLED: the server went away while the call was on its way to it. What the caller cancels itself is no status.
_UNDECIDED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
_LONGEST_ATTEMPT = 60.0
_UNSENT = (
    "connections to all backends failing",
    "failed to connect to all addresses",
    "errors resolving",
    "DNS resolution failed",
)


class Method(Protocol[Request_contra, Answer_co]):
    """A unary method of a stub."""

    def __call__(self, request: Request_contra, *, timeout: float | None = None) -> Awaitable[Answer_co]:
        """Calls it once."""


def in_silence() -> None:
    """Waits without a word."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls the methods of stubs made for ``endpoints``.

    ``timeout`` is what a call may take in seconds, repeats included. ``waits`` is told when a call is repeated for the
    first time.
    """

    endpoints: Endpoints
    timeout: float
    waits: Callable[[], None] = in_silence
    budget: RetryBudget = field(default_factory=RetryBudget)

    async def read(self, method: Method[Request, Answer], request: Request) -> Answer:
        """The answer of a method that changes nothing.

        Raises:
            PagerError: there was none.
        """
        return await self._attempts(method, request, most=max(2, len(self.endpoints)))

    async def write(self, method: Method[Request, Answer], request: Request, within: float | None = None) -> Answer:
        """The answer of a method whose request carries a request_id; tried for as long as there is time.

        ``within`` takes the place of ``timeout``.

        Raises:
            PagerError: there was none.
        """
        return await self._attempts(method, request, most=sys.maxsize, within=within)

    async def once(self, method: Method[Request, Answer], request: Request) -> Answer:
        """The answer of a change that must be looked at again before it is repeated.

        Raises:
            PagerError: there was none.
        """
        return await self._attempts(method, request, most=1)

    async def _attempts(
        self, method: Method[Request, Answer], request: Request, *, most: int, within: float | None = None
    ) -> Answer:
        end = time.monotonic() + (self.timeout if within is None else within)
        attempt, sent = 0, False
        while True:
            attempt += 1
            try:
                answer = await method(request, timeout=_attempt_seconds(end - time.monotonic(), last=attempt == most))
            except grpc.RpcError as error:
                fault = fault_of(error)
                sent = sent or not _is_unsent(fault)
                pause = self.pause(fault, attempt) if attempt < most else None
                if pause is None or time.monotonic() + pause >= end:
                    raise failure(fault, getattr(request, "request_id", ""), sent=sent) from error
            else:
                self.budget.answered()
                return answer
            if attempt == 1:
                self.waits()
            await asyncio.sleep(pause)

    def pause(self, fault: RpcFault, attempt: int) -> float | None:
        """Seconds until what ended with ``fault`` may be asked again; None if it must not."""
        if _is_undecided(fault):
            self.endpoints.turn()
            return self.budget.pause(attempt)
        if fault.code is grpc.StatusCode.RESOURCE_EXHAUSTED and fault.retry_after is not None:
            return fault.retry_after.total_seconds() + self.budget.pause(attempt)
        return None


def _is_undecided(fault: RpcFault) -> bool:
    """Whether nobody knows if the call was done, and another attempt may end otherwise.

    INTERNAL is the library's word for a connection that was cut in the middle, too; our own servers say it of a bug,
    which would answer a repeat with itself.
    """
    cut = fault.code is grpc.StatusCode.INTERNAL and not fault.reason and fault.message != INTERNAL_TEXT
    return cut or fault.code in _UNDECIDED


def _is_unsent(fault: RpcFault) -> bool:
    """Whether the call found no connection to go on: gRPC's core has no code for it, but these words."""
    return fault.code is grpc.StatusCode.UNAVAILABLE and not fault.reason and fault.message.startswith(_UNSENT)


def _attempt_seconds(left: float, *, last: bool) -> float:
    """Half of the time that is left, so that a server that hangs leaves time for another attempt."""
    return max(left if last else min(left, max(left / 2, 1.0), _LONGEST_ATTEMPT), 0.001)
