"""The volume path: alerts from an iterable, in messages of many, one message under way at a time.

A message that was not answered is sent again on another stream, with the same request ids: each alert counts once.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from typing import Any, TypeAlias

import grpc

from pager_grpc.client.alerts import Alert
from pager_grpc.client.calling import Caller
from pager_grpc.client.errors import failure
from pager_grpc.client.patience import backoff
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1.pager_service_pb2_grpc import PagerServiceStub
from pager_grpc.runtime.errors import RpcFault, fault_of

MOST_ALERTS = 1000
MOST_BYTES = 60_000
"""The pager takes 64 KiB a message; a single alert is always below it."""

Result: TypeAlias = pb.RaiseAlertsResponse.Result
_End: TypeAlias = "Exception | asyncio.CancelledError | None"
"""How an iterable ends. CancelledError is its own here: a task that it waited for was cancelled."""

_ENDED = RpcFault(grpc.StatusCode.UNAVAILABLE, "the stream to the pager has ended", "", {}, None)
_SILENT = RpcFault(grpc.StatusCode.DEADLINE_EXCEEDED, "the pager did not answer in time", "", {}, None)
_NONSENSE = RpcFault(grpc.StatusCode.INTERNAL, "the pager did not answer each alert of a message", "", {}, None)
_LONGEST_ATTEMPT = 10.0
_LEAST_CALM = 1.0


class AlertStream:
    """Streams to one pager, one after the other. To be used by one task."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._stub = PagerServiceStub(caller.endpoints.channel)
        self._call: Any = None

    async def results(
        self, alerts: AsyncIterable[Alert] | Iterable[Alert]
    ) -> AsyncGenerator[tuple[Alert, Result], None]:
        """Each alert with its result, in their order.

        Raises:
            PagerError: a message was not answered within the timeout, or the stream is refused.
        """
        source = _Source(alerts)
        try:
            while batch := await source.next_batch():
                for alert, result in zip(batch, await self._answered(batch), strict=True):
                    yield alert, result
        finally:
            await source.close()
            self._drop()

    async def _answered(self, batch: Sequence[Alert]) -> Sequence[Result]:
        """The results of ``batch``; what the pager wants later is asked again for as long as that gets on.

        What cannot be written down for the pager is refused here, as the pager refuses what it does not take.
        """
        results = {place: refusal for place, alert in enumerate(batch) if (refusal := _refusal_of(alert)) is not None}
        waiting = [place for place in range(len(batch)) if place not in results]
        end = time.monotonic() + self._caller.timeout
        while waiting:
            results.update(zip(waiting, await self._asked([batch[place] for place in waiting]), strict=True))
            later = [place for place in waiting if results[place].HasField("retry_after")]
            if len(later) < len(waiting):
                end = time.monotonic() + self._caller.timeout
            pause = _calm([results[place] for place in later])
            if not later or time.monotonic() + pause >= end:
                break
            waiting = later
            await asyncio.sleep(pause)
        return [results[place] for place in range(len(batch))]

    async def _asked(self, batch: Sequence[Alert]) -> Sequence[Result]:
        request = pb.RaiseAlertsRequest(alerts=[alert.request() for alert in batch])
        end = time.monotonic() + self._caller.timeout
        attempt = 0
        while True:
            attempt += 1
            answer = await self._attempt(request, end)
            if not isinstance(answer, RpcFault):
                self._caller.budget.answered()
                return answer
            pause = self._caller.pause(answer, attempt)
            if pause is None or time.monotonic() + pause >= end:
                raise failure(answer, batch[0].request_id)
            await asyncio.sleep(pause)

    async def _attempt(self, request: pb.RaiseAlertsRequest, end: float) -> Sequence[Result] | RpcFault:
        try:
            self._call = self._call or self._stub.RaiseAlerts()
            async with asyncio.timeout(min(_LONGEST_ATTEMPT, max(end - time.monotonic(), 0.001))):
                await self._call.write(request)
                response = await self._call.read()
        except grpc.RpcError as error:
            fault = fault_of(error)
        except TimeoutError:
            fault = _SILENT
        except asyncio.InvalidStateError:  # the library's word for a stream that ended between two messages
            fault = _ENDED
        else:
            if response is not grpc.aio.EOF:
                results: Sequence[Result] = response.results
                return results if len(results) == len(request.alerts) else _NONSENSE
            fault = _ENDED
        self._drop()
        return fault

    def _drop(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None


def _refusal_of(alert: Alert) -> Result | None:
    field = alert.unsendable_field()
    if not field:
        return None
    reason = pb.ErrorReason.ERROR_REASON_INVALID_FIELD
    return Result(error_reason=reason, error_message=f"{field}: must be text that can be written as UTF-8")


def _size_of(alert: Alert) -> int:
    """What ``alert`` takes of a message; nothing if it will not be in it."""
    try:
        return alert.request().ByteSize() + 8
    except UnicodeEncodeError:
        return 0


def _calm(refused: Sequence[Result]) -> float:
    """Seconds until alerts above the caller's rate are worth another message: not one message for each of them."""
    asked = [result.retry_after.ToTimedelta().total_seconds() for result in refused]
    return max(_LEAST_CALM, *asked, 0.0) + backoff(1)


class _Source:
    """What is to be raised, read ahead by at most one message, so that what waits goes together."""

    def __init__(self, alerts: AsyncIterable[Alert] | Iterable[Alert]) -> None:
        self._waiting: asyncio.Queue[Alert | _End] = asyncio.Queue(maxsize=MOST_ALERTS)
        self._next: Alert | _End = None
        self._ended = False
        self._reading = asyncio.create_task(self._read(alerts))

    async def next_batch(self) -> list[Alert]:
        """What waits, as much as a message holds; waits for the first. Empty at the end.

        Raises:
            Exception, CancelledError: what the iterable raised, once everything before it was given out.
        """
        if self._next is None and not self._ended:
            self._next = await self._waiting.get()
        batch: list[Alert] = []
        size = 0
        while isinstance(self._next, Alert):
            size += _size_of(self._next)
            if batch and (size > MOST_BYTES or len(batch) == MOST_ALERTS):
                return batch
            batch.append(self._next)
            if self._waiting.empty():
                self._next = None
                return batch
            self._next = self._waiting.get_nowait()
        if batch:
            self._ended = self._next is None
            return batch
        self._ended = True
        if self._next is not None:
            raise self._next
        return []

    async def close(self) -> None:
        """Reads no further."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self, alerts: AsyncIterable[Alert] | Iterable[Alert]) -> None:
        try:
            if isinstance(alerts, AsyncIterable):
                async for alert in alerts:
                    await self._waiting.put(alert)
            else:
                for alert in alerts:
                    await self._waiting.put(alert)
        except (Exception, asyncio.CancelledError) as error:  # it is raised where the results are read
            if self._reading.cancelling():  # not the source's own end: nobody reads on
                raise
            await self._waiting.put(error)
        else:
            await self._waiting.put(None)
