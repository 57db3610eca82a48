"""The one interceptor of every server: request ids for the log, errors for the wire, nothing unplanned leaks."""

# grpc's classes are generic for the type checker only; annotations must not be evaluated.
from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import grpc
import structlog
from grpc_status import rpc_status

from pager_domain.errors import DomainError
from pager_grpc.runtime.errors import INTERNAL_TEXT, ErrorTable, status_of
from pager_grpc.runtime.metrics import RpcMetrics

log = structlog.get_logger()

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Continuation: TypeAlias = "Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]"


class RpcBoundary(grpc.aio.ServerInterceptor):
    """Translates a room's domain errors and hides everything else behind INTERNAL.

    Handlers are wrapped once and remembered by method, so that a call costs one dictionary look-up. Without
    ``metrics`` nothing is measured.
    """

    def __init__(self, errors: ErrorTable, metrics: RpcMetrics | None = None) -> None:
        self._errors = errors
        self._metrics = metrics
        self._wrapped: dict[str, Handler] = {}

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
        self._wrapped[method] = wrapped = self._wrap(method, handler)
        return wrapped

    def _wrap(self, method: str, handler: Any) -> Handler:
        serializers = (handler.request_deserializer, handler.response_serializer)
        metrics = self._metrics
        if handler.response_streaming:
            both = handler.request_streaming
            stream = self._stream(method, handler.stream_stream if both else handler.unary_stream)
            stream = stream if metrics is None else metrics.stream(method, stream)
            make = grpc.stream_stream_rpc_method_handler if both else grpc.unary_stream_rpc_method_handler
            return make(stream, *serializers)
        unary = self._unary(method, handler.unary_unary)
        unary = unary if metrics is None else metrics.unary(method, unary)
        return grpc.unary_unary_rpc_method_handler(unary, *serializers)

    def _unary(self, method: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def bounded(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            try:
                return await call(request, context)
            except Exception as error:  # noqa: BLE001 - the boundary hides whatever it is
                await self._refuse(method, request, context, error)

        return bounded

    def _stream(self, method: str, call: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
        async def bounded(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
            try:
                async for response in call(request, context):
                    yield response
            except Exception as error:  # noqa: BLE001 - the boundary hides whatever it is
                await self._refuse(method, request, context, error)

        return bounded

    async def _refuse(
        self, method: str, request: Any, context: grpc.aio.ServicerContext[Any, Any], error: Exception
    ) -> None:
        request_id = getattr(request, "request_id", "")
        if isinstance(error, DomainError) and type(error) in self._errors:
            code, reason = self._errors[type(error)]
            log.info("rpc_refused", method=method, request_id=request_id, code=code.name, reason=reason)
            await context.abort_with_status(rpc_status.to_status(status_of(error, self._errors)))
        if isinstance(error, grpc.aio.AbortError):
            raise error
        log.error("rpc_failed", method=method, request_id=request_id, exc_info=error)
        await context.abort(grpc.StatusCode.INTERNAL, INTERNAL_TEXT)
