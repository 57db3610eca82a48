"""Calls of the notifier put together on one stream: what is asked for while a write is under way goes with the next."""

import asyncio
from datetime import timedelta
from typing import Any, TypeAlias

import grpc
import structlog

from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as pb
from pager_grpc.runtime.errors import RpcFault, fault_of

log = structlog.get_logger()

MOST_MESSAGES = 100
MOST_BYTES = 60_000
"""The notifier takes 64 KiB a request; a single message is always below it."""

_NO_ANSWER = RpcFault(grpc.StatusCode.DEADLINE_EXCEEDED, "no answer in time", "", {}, None)
_ENDED = RpcFault(grpc.StatusCode.CANCELLED, "the stream to the notifier has ended", "", {}, None)

_NOBODY = None, 0.0

Message: TypeAlias = pb.SendMessagesRequest.Message
Result: TypeAlias = pb.SendMessagesResponse.Result


class MessageStream:
    """One stream, from its first message until it breaks or is retired and has nothing to answer any more.

    Once ``retired`` it takes no new messages. By the loop's clock it began at ``begun_at``, and its last response came
    at ``heard_at``. The notifier is told ``timeout`` with each message: what could not begin by then is not sent.
    Nor is an answer waited for any longer; a stream that said nothing in all that time is given up.
    """

    def __init__(self, call: Any, timeout: timedelta) -> None:
        self._call = call
        self._timeout = timeout
        self._seconds = timeout.total_seconds()
        self._waiting: dict[str, tuple[asyncio.Future[Result | RpcFault], float]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._unsent: dict[str, Message] = {}
        self._submitted = asyncio.Event()
        self.retired = False
        self.begun_at = self.heard_at = asyncio.get_running_loop().time()
        self.ended = asyncio.create_task(self._run())

    def takes(self, request_id: str) -> bool:
        """Whether a message of this id may be sent: its answer can be told apart."""
        return request_id not in self._waiting

    async def send(self, request_id: str, message: Message) -> Result | RpcFault:
        """The result of ``message``, or why none came. A caller that goes away is forgotten."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result | RpcFault] = loop.create_future()
        self._waiting[request_id] = answer, loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._give_up_what_is_late)
        self._unsent[request_id] = message
        self._submitted.set()
        try:
            return await answer
        finally:
            self._waiting.pop(request_id, None)
            self._unsent.pop(request_id, None)
            if self.retired and not self._waiting:
                self.close()

    def retire(self) -> None:
        """Takes no new messages; ends when those that it has are answered."""
        self.retired = True
        if not self._waiting:
            self.close()

    def close(self) -> None:
        """Ends it now; who still waits hears that it broke."""
        self._break(_ENDED)
        self.ended.cancel()

    async def _run(self) -> None:
        writing = asyncio.create_task(self._write())
        fault = _ENDED
        try:
            async for response in self._call:
                self._hear(response)
        except grpc.aio.AioRpcError as error:
            fault = fault_of(error)
            log.warning("notifier_stream_broke", code=fault.code.name, reason=fault.reason, waiting=len(self._waiting))
        finally:
            self._break(fault)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    def _break(self, fault: RpcFault) -> None:
        self.retired = True
        self._call.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for answer, _ in self._waiting.values():
            if not answer.done():
                answer.set_result(fault)

    def _give_up_what_is_late(self) -> None:
        """All wait equally long, so one timer is enough: the first to have begun is the first to be late."""
        loop, self._timer = asyncio.get_running_loop(), None
        for request_id, (answer, begun) in list(self._waiting.items()):
            if (end := begun + self._seconds) > loop.time():
                self._timer = loop.call_at(end, self._give_up_what_is_late)
                return
            del self._waiting[request_id]
            if not answer.done():
                answer.set_result(_NO_ANSWER)
                if self.heard_at <= begun:
                    self.close()  # whoever waits besides hears that
                    return

    def _hear(self, response: pb.SendMessagesResponse) -> None:
        self.heard_at = asyncio.get_running_loop().time()
        for result in response.results:
            answer, _ = self._waiting.get(result.request_id, _NOBODY)
            if answer is not None and not answer.done():
                answer.set_result(result)

    async def _write(self) -> None:
        while True:
            await self._submitted.wait()
            try:
                await self._call.write(self._next_request())
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                return  # the reader hears why

    def _next_request(self) -> pb.SendMessagesRequest:
        request = pb.SendMessagesRequest()
        request.timeout.FromTimedelta(self._timeout)
        size = 0
        for request_id, message in list(self._unsent.items())[:MOST_MESSAGES]:
            size += message.ByteSize() + 8
            if request.messages and size > MOST_BYTES:
                break
            request.messages.append(message)
            del self._unsent[request_id]
        if not self._unsent:
            self._submitted.clear()
        return request
