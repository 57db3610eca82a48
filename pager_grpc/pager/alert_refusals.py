"""Alerts that are not stored, counted by how they were answered."""

# grpc's classes are generic for the type checker only; annotations must not be evaluated.
from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc

from pager_grpc.pager.metrics_alerts import AlertMetrics
from pager_grpc.runtime.metrics import code_of
from pager_grpc.runtime.rpc_boundary import Context, RpcLayer, StreamCall, UnaryCall

_ONE, _MANY = "/pager.v1.PagerService/RaiseAlert", "/pager.v1.PagerService/RaiseAlerts"
_UNDECIDED = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INTERNAL,
}


class AlertRefusals(RpcLayer):
    """Stands outside of the boundary, where the end of a call has its code."""

    def __init__(self, metrics: AlertMetrics) -> None:
        self._metrics = metrics

    def unary(self, method: str, call: UnaryCall) -> UnaryCall:
        """``call``; an alert that it does not answer with OK is counted."""
        if method != _ONE:
            return call

        async def counted(request: Any, context: Context) -> Any:
            try:
                return await call(request, context)
            except BaseException as error:
                if code_of(error, context) in _UNDECIDED:
                    self._metrics.undecided()
                else:
                    self._metrics.not_stored()
                raise

        return counted

    def stream(self, method: str, call: StreamCall) -> StreamCall:
        """``call``; the alerts that its answers refuse are counted."""
        if method != _MANY:
            return call

        async def counted(request: Any, context: Context) -> AsyncIterator[Any]:
            async with aclosing(call(request, context)) as responses:  # type: ignore[type-var]  # a generator
                async for response in responses:
                    self._metrics.not_stored(sum(bool(result.error_reason) for result in response.results))
                    yield response

        return counted
