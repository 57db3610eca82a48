"""The one interceptor of every server: ids for the log, errors for the wire, nothing unplanned leaks.

What else happens around a call is a layer of it: who asks, whether there is room, what is measured.
"""

# grpc's classes are generic for the type checker only; annotations must not be evaluated.
from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, Protocol, TypeAlias

import grpc
import structlog
from grpc_status import rpc_status

from pager_domain.errors import DomainError, StoreUnavailable
from pager_grpc.runtime.errors import INTERNAL_TEXT, ErrorTable, status_of
from pager_grpc.runtime.log_context import lines_are_about

log = structlog.get_logger()

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Continuation: TypeAlias = "Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]"


UnaryCall: TypeAlias = "Callable[[Any, Context], Awaitable[Any]]"
StreamCall: TypeAlias = "Callable[[Any, Context], AsyncIterator[Any]]"
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


_AT_REST_SECONDS, _AFTER_ANSWERS_SECONDS, _SENT_AWAY_SECONDS = 0.02, 0.25, 5.0


class RpcLayer(Protocol):
    """What is done around every call of a server. ``method`` is like ``/pager.v1.PagerService/RaiseAlert``.

    Each of our methods is wrapped once, when it is called first; health checks and reflection are not wrapped.
    """

    def unary(self, method: str, call: UnaryCall) -> UnaryCall:
        """``call`` with the layer around it."""

    def stream(self, method: str, call: StreamCall) -> StreamCall:
        """``call``, whose answer (and perhaps request) is a stream, with the layer around it.

        Whoever leaves it early closes it, and it closes ``call`` before it ends: what that holds is free at once.
        """


class RpcBoundary(grpc.aio.ServerInterceptor):
    """Translates a room's domain errors and hides everything else behind INTERNAL.

    Handlers are wrapped once and remembered by method, so that a call costs one dictionary look-up. ``outside`` are
    layers that see how the call ends on the wire; ``inside`` are layers whose domain errors are translated like those
    of the handler. The first of each is the outermost.
    """

    def __init__(
        self, errors: ErrorTable, *, outside: Sequence[RpcLayer] = (), inside: Sequence[RpcLayer] = ()
    ) -> None:
        self._errors = errors
        self._outside = outside
        self._inside = inside
        self._wrapped: dict[str, Handler] = {}
        self._leaving = False
        self._sent_elsewhere = 0
        self._running = 0

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler | None:
        """The handler of the called method, wrapped."""
        method = handler_call_details.method
        if (known := self._wrapped.get(method)) is not None:
            return known
        handler = await continuation(handler_call_details)
        if handler is None or method.startswith("/grpc."):
            return handler  # not one of ours: an unknown method, health (whose streams are no generators), reflection
        if self._leaving:
            self._sent_elsewhere += 1
            return self._wrap(method, _elsewhere(handler))
        self._wrapped[method] = wrapped = self._wrap(method, handler)
        return wrapped

    def send_elsewhere(self) -> None:
        """From now on refuses calls as UNAVAILABLE, with nothing done."""
        self._leaving = True
        self._wrapped.clear()

    async def until_nobody_comes(self) -> None:
        """Returns when no call is under way and none comes for a moment; after 5 seconds anyway.

        A server that is stopped cuts off what arrives before its clients have heard so: they see CANCELLED, and
        cannot know whether the call was carried out. So they are sent elsewhere first, and for longer if some had an
        answer on its way: it is followed by their next call.
        """
        end = time.monotonic() + _SENT_AWAY_SECONDS
        moment = _AFTER_ANSWERS_SECONDS if self._running else _AT_REST_SECONDS
        quiet = False
        while not quiet and time.monotonic() < end:
            at_rest, before = not self._running, self._sent_elsewhere
            await asyncio.sleep(moment if at_rest else _AT_REST_SECONDS)
            quiet = at_rest and not self._running and self._sent_elsewhere == before

    def _wrap(self, method: str, handler: Any) -> Handler:
        serializers = (handler.request_deserializer, handler.response_serializer)
        if handler.response_streaming:
            both = handler.request_streaming
            stream = handler.stream_stream if both else handler.unary_stream
            for layer in reversed(self._inside):
                stream = layer.stream(method, stream)
            stream = self._stream(method, stream)
            for layer in reversed(self._outside):
                stream = layer.stream(method, stream)
            make = grpc.stream_stream_rpc_method_handler if both else grpc.unary_stream_rpc_method_handler
            return make(stream, *serializers)
        unary = handler.unary_unary
        for layer in reversed(self._inside):
            unary = layer.unary(method, unary)
        unary = self._unary(method, unary)
        for layer in reversed(self._outside):
            unary = layer.unary(method, unary)
        return grpc.unary_unary_rpc_method_handler(unary, *serializers)

    def _unary(self, method: str, call: UnaryCall) -> UnaryCall:
        async def bounded(request: Any, context: Context) -> Any:
            lines_are_about(request)
            self._running += 1
            try:
                return await call(request, context)
            except Exception as error:  # noqa: BLE001 - the boundary hides whatever it is
                await self._refuse(method, context, error)
            finally:
                self._running -= 1

        return bounded

    def _stream(self, method: str, call: StreamCall) -> StreamCall:
        async def bounded(request: Any, context: Context) -> AsyncIterator[Any]:
            lines_are_about(request)
            try:
                async with aclosing(call(request, context)) as responses:  # type: ignore[type-var]  # a generator
                    async for response in responses:
                        yield response
            except Exception as error:  # noqa: BLE001 - the boundary hides whatever it is
                await self._refuse(method, context, error)

        return bounded

    async def _refuse(self, method: str, context: Context, error: Exception) -> None:
        if isinstance(error, DomainError) and type(error) in self._errors:
            code, reason = self._errors[type(error)]
            log.info("rpc_refused", method=method, code=code.name, reason=reason)
            await context.abort_with_status(rpc_status.to_status(status_of(error, self._errors)))
        if isinstance(error, grpc.aio.AbortError):
            raise error
        log.error("rpc_failed", method=method, exc_info=error)
        await context.abort(grpc.StatusCode.INTERNAL, INTERNAL_TEXT)


def _elsewhere(handler: Any) -> Handler:
    """``handler`` of a process that leaves: it refuses."""

    async def call(_request: Any, _context: Context) -> Any:
        raise StoreUnavailable

    async def stream(requests: Any, context: Context) -> AsyncIterator[Any]:
        yield await call(requests, context)

    serializers = (handler.request_deserializer, handler.response_serializer)
    if not handler.response_streaming:
        return grpc.unary_unary_rpc_method_handler(call, *serializers)
    make = grpc.stream_stream_rpc_method_handler if handler.request_streaming else grpc.unary_stream_rpc_method_handler
    return make(stream, *serializers)
