"""The events of all incidents as they happen: each once, in order, across any number of lost connections."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import grpc

from pager_grpc.client.calling import Caller
from pager_grpc.client.errors import failure
from pager_grpc.client.patience import backoff
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1.pager_service_pb2_grpc import PagerServiceStub
from pager_grpc.runtime.errors import RpcFault, fault_of

_Stream = grpc.aio.UnaryStreamCall[pb.WatchIncidentsRequest, pb.WatchIncidentsResponse]

_LONGEST_PAUSE = 5.0
# The server gives a sign of life every 30 seconds.
_LONGEST_SILENCE = 75.0
_SILENT = RpcFault(grpc.StatusCode.DEADLINE_EXCEEDED, "it fell silent", "", {}, None)
# The other codes say that this watch can never succeed.
_PASSING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
)


class Connection:
    """Hears how a watch fares; a subclass may tell somebody. ``reached`` says whether a server ever answered."""

    def lost(self, fault: RpcFault | None, *, reached: bool) -> None:
        """No server answers, or the one that did has gone; ``fault`` says why, None if it left politely."""

    def made(self, *, again: bool) -> None:
        """A server answers: the first one, or one ``again`` after a loss."""


class Watch:
    """One watch. ``resume_token`` is the last one received: where another watch would go on."""

    def __init__(self, caller: Caller, resume_token: str, connection: Connection) -> None:
        self._caller = caller
        self._stub = PagerServiceStub(caller.endpoints.channel)
        self._connection = connection
        self._reached = False
        self._failures = 0
        self.resume_token = resume_token

    async def responses(self) -> AsyncGenerator[pb.WatchIncidentsResponse]:
        """What the server says, events and bare resume tokens; follows the stream again whenever it ends.

        Raises:
            PagerError: no server was reached within the timeout, or the watch is refused.
        """
        start = time.monotonic()
        while True:
            fault = None
            try:
                async with aclosing(self._follow()) as followed:
                    async for response in followed:
                        yield response
            except (grpc.RpcError, TimeoutError) as error:
                fault = fault_of(error) if isinstance(error, grpc.RpcError) else _SILENT
                if fault.code not in _PASSING or self._given_up(start):
                    raise failure(fault) from error
            if fault is None and self._reached and not self._failures:
                await asyncio.sleep(backoff(1))  # the server ends every stream from time to time
                continue
            self._failures += 1
            if self._failures == 1:
                self._connection.lost(fault, reached=self._reached)
            self._caller.endpoints.turn()
            await asyncio.sleep(min(backoff(self._failures), _LONGEST_PAUSE))

    def _given_up(self, start: float) -> bool:
        return not self._reached and time.monotonic() - start >= self._caller.timeout

    async def _follow(self) -> AsyncGenerator[pb.WatchIncidentsResponse]:
        call = self._stub.WatchIncidents(pb.WatchIncidentsRequest(resume_token=self.resume_token))
        try:
            while (response := await self._next(call)) is not grpc.aio.EOF:
                self._answered()
                yield response
                # Only now: what is not taken by whoever reads is not seen.
                self.resume_token = response.resume_token or self.resume_token
        finally:
            call.cancel()

    async def _next(self, call: _Stream) -> Any:
        """The next response, or EOF."""
        async with asyncio.timeout(_LONGEST_SILENCE if self._reached else self._caller.timeout):
            return await call.read()

    def _answered(self) -> None:
        if self._failures or not self._reached:
            self._connection.made(again=self._reached)
        self._reached = True
        self._failures = 0
