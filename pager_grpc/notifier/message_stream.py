"""One stream of ``SendMessages``: each message is an attempt of its own, and is told of when it has ended."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeAlias

import structlog

from pager_domain.errors import DomainError, StoreUnavailable
from pager_domain.notifier.application import Remaining
from pager_domain.notifier.model import Delivery
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as pb
from pager_grpc.notifier import wire
from pager_grpc.notifier.attempts import RunningAttempts
from pager_grpc.notifier.patience import Patience
from pager_grpc.notifier.wire_errors import ERRORS

log = structlog.get_logger()

MOST_UNDER_WAY = 1000
"""Messages of one stream; with more of them the next request is not read, and flow control holds its caller back."""
_MOST_RESULTS = 100

Attempt: TypeAlias = "Coroutine[Any, Any, Delivery]"
AttemptOf: TypeAlias = "Callable[[pb.SendMessagesRequest.Message, Remaining], Attempt]"


class MessageStream:
    """Reads until its caller has said everything, has gone, or the room is about to leave (:meth:`close`)."""

    def __init__(
        self, attempt_of: AttemptOf, attempts: RunningAttempts, *, most_under_way: int = MOST_UNDER_WAY
    ) -> None:
        self._attempt_of = attempt_of
        self._attempts = attempts
        self._most_under_way = most_under_way
        self._results: list[pb.SendMessagesResponse.Result] = []
        self._under_way = 0
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self._closed = self._gone = False

    async def responses(
        self, requests: AsyncIterator[pb.SendMessagesRequest]
    ) -> AsyncGenerator[pb.SendMessagesResponse, None]:
        """The results as they come. What is under way when the last request was read is waited for.

        Raises:
            InvalidField: a request is malformed.
            StoreUnavailable: the room is about to leave; whoever calls goes on elsewhere.
        """
        self._reading = reading = asyncio.create_task(self._read(requests))
        reading.add_done_callback(lambda _: self._news.set())
        try:
            while self._under_way or self._results or not reading.done():
                await self._news.wait()
                self._news.clear()
                while results := self._results[:_MOST_RESULTS]:
                    del self._results[:_MOST_RESULTS]
                    yield pb.SendMessagesResponse(results=results)
            if self._closed:
                raise StoreUnavailable
            await reading
        finally:
            # For a caller that has gone nothing more is begun; a provider that was called is heard out.
            self._gone = True
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    def close(self) -> None:
        """Reads no further."""
        self._closed = True
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self, requests: AsyncIterator[pb.SendMessagesRequest]) -> None:
        async for request in requests:
            remaining = self._remaining(Patience(wire.timeout_from(request)))
            for message in wire.messages_from(request):
                self._begin(message, remaining)
            while self._under_way >= self._most_under_way:
                self._room.clear()
                await self._room.wait()

    def _remaining(self, patience: Patience) -> Remaining:
        return lambda: timedelta() if self._gone else patience.left()

    def _begin(self, message: pb.SendMessagesRequest.Message, remaining: Remaining) -> None:
        request_id = wire.request_id_of(message)
        try:
            attempt = self._attempt_of(message, remaining)
        except DomainError as refusal:
            self._tell(wire.result_to(request_id, refusal, ERRORS))
            return
        self._under_way += 1
        self._attempts.begin(attempt).add_done_callback(lambda task: self._ended(request_id, task))

    def _ended(self, request_id: str, task: "asyncio.Task[Delivery]") -> None:
        self._under_way -= 1
        self._room.set()
        if task.cancelled():
            self._news.set()
            return
        fault = task.exception()
        if fault is not None and type(fault) not in ERRORS:
            log.error("message_failed", request_id=request_id, exc_info=fault)
        self._tell(wire.result_to(request_id, task.result() if fault is None else fault, ERRORS))

    def _tell(self, result: pb.SendMessagesResponse.Result) -> None:
        self._results.append(result)
        self._news.set()
