"""Real rooms on a thread of their own, so that Hypothesis can ask them one call after the other."""

import asyncio
import importlib
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
from adapters.access.rooms import a_closed_room, bearer, key_of, method_of
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2

from pager_grpc.access.table import ACCESS_ROWS

ROOMS = ("pager", "policy", "notifier")
PATIENCE = 20
_A_LOOK = 0.05
"""So long an endless stream is looked at."""


def methods_of(room: str) -> list[MethodDescriptor]:
    """Every method in the table of ``room``; what all rooms serve alike is asked of the pager."""
    table = {
        **importlib.import_module(f"pager_grpc.{room}.access_table").ACCESS,
        **(ACCESS_ROWS if room == "pager" else {}),
    }
    return [method_of(path) for path in table]


class FuzzedRoom:
    """A running room and its thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, channel: grpc.aio.Channel, address: str) -> None:
        self._loop, self._channel, self.address = loop, channel, address

    def ask(self, method: MethodDescriptor, sent: list[Any]) -> tuple[str, str]:
        """How the call ends: its code and the sentence."""
        return self.run(self._ask(method, sent))

    def is_serving(self) -> bool:
        """By the health protocol, as an orchestrator asks."""
        return self.run(self._is_serving())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What ``work`` returns, done on the thread of the room."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(2 * PATIENCE)

    async def _ask(self, method: MethodDescriptor, sent: list[Any]) -> tuple[str, str]:
        kind = f"{_arity(method.client_streaming)}_{_arity(method.server_streaming)}"
        request, response = map(message_factory.GetMessageClass, (method.input_type, method.output_type))
        path = f"/{method.containing_service.full_name}/{method.name}"
        call = getattr(self._channel, kind)(path, request.SerializeToString, response.FromString)
        key = "pager" if path.startswith("/notifier.v1.NotifierService/Send") else "admin"
        said = iter(sent) if method.client_streaming else sent[0]
        answer = call(said, metadata=bearer(key_of(key)), timeout=PATIENCE)
        try:
            if not method.server_streaming:
                await answer
            elif method.client_streaming:
                async for _ in answer:
                    pass
            else:
                await _look_at(answer)
        except grpc.aio.AioRpcError as error:
            return error.code().name, error.details() or ""
        return "OK", ""

    async def _is_serving(self) -> bool:
        check = self._channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            health_pb2.HealthCheckRequest.SerializeToString,
            health_pb2.HealthCheckResponse.FromString,
        )
        answer = await check(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def _look_at(answer: Any) -> None:
    """An endless stream that says nothing wrong at once goes well."""
    try:
        async with asyncio.timeout(_A_LOOK):
            async for _ in answer:
                pass
    except TimeoutError:
        answer.cancel()


@contextmanager
def a_fuzzed_room(room: str, folder: Path) -> Iterator[FuzzedRoom]:
    """``room`` on SQLite, its doors closed, with keys for whoever asks."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(2 * PATIENCE)

    stack = AsyncExitStack()
    try:
        running = run(stack.enter_async_context(a_closed_room(room, folder)))
        yield FuzzedRoom(loop, running.channel, running.target)
    finally:
        run(stack.aclose())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _arity(streaming: bool) -> str:
    return "stream" if streaming else "unary"
