"""One server, called with patience: channels, deadlines, retries. The client contract of the Pager lives here.

A write carries a request_id and is repeated with the same one while the outcome is unknown and time is left, so that
it happens once. A read is repeated once.
"""

import asyncio
import os
import random
import sys
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol, TypeVar

# gRPC's core writes its own diagnostics to stderr, where scripts expect one line of ours.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc

from pager_cli.running import complain
from pager_grpc.runtime.errors import RpcFault, fault_of

Request = TypeVar("Request")
Request_contra = TypeVar("Request_contra", contravariant=True)
Answer_co = TypeVar("Answer_co", covariant=True)
Answer = TypeVar("Answer")

UNDECIDED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0


class Method(Protocol[Request_contra, Answer_co]):
    """A unary method of a stub."""

    def __call__(self, request: Request_contra, *, timeout: float | None = None) -> Awaitable[Answer_co]:
        """Calls it once."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server as the person named it: ``option`` is the option that names another one; ``timeout`` in seconds."""

    room: str
    target: str
    option: str
    timeout: float


@dataclass(eq=False)
class CallFailed(Exception):
    """A call that got no good answer within its time. ``request_id`` is empty for reads."""

    peer: Peer
    fault: RpcFault
    request_id: str = ""

    @property
    def undecided(self) -> bool:
        """Nobody knows whether the call had its effect."""
        return self.fault.code in UNDECIDED


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls the methods of one server."""

    peer: Peer

    async def read(self, method: Method[Request, Answer], request: Request) -> Answer:
        """The answer of a method that changes nothing; tried twice."""
        return await self._attempts(method, request, most=2)

    async def write(self, method: Method[Request, Answer], request: Request) -> Answer:
        """The answer of a method whose request carries a request_id; tried for as long as there is time."""
        return await self._attempts(method, request, most=sys.maxsize)

    async def once(self, method: Method[Request, Answer], request: Request) -> Answer:
        """The answer of a change that must be looked at again before it is repeated."""
        return await self._attempts(method, request, most=1)

    async def _attempts(self, method: Method[Request, Answer], request: Request, *, most: int) -> Answer:
        end = time.monotonic() + self.peer.timeout
        attempt = 0
        while True:
            attempt += 1
            try:
                return await method(request, timeout=_attempt_seconds(end - time.monotonic(), last=attempt == most))
            except grpc.RpcError as error:
                fault = fault_of(error)
                pause = backoff(attempt)
                if fault.code not in UNDECIDED or attempt >= most or time.monotonic() + pause >= end:
                    raise CallFailed(self.peer, fault, getattr(request, "request_id", "")) from error
            if attempt == 1 and sys.stderr.isatty():
                complain(f"{self.peer.target} has not answered yet; trying again")
            await asyncio.sleep(pause)


def backoff(attempt: int) -> float:
    """Seconds to wait after the ``attempt``-th failure, from 1: full jitter, doubling."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempt - 1, 16))
    return random.uniform(0, longest)  # noqa: S311 - jitter is no secret


def _attempt_seconds(left: float, *, last: bool) -> float:
    """Half of the time that is left, so that a server that hangs leaves time for another attempt."""
    return max(left if last else min(left, max(left / 2, 1.0)), 0.001)
