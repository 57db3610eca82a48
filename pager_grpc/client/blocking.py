"""The same client for programs without an event loop: scripts, cron jobs, exception handlers."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from pager_grpc.client.endpoints import Target
from pager_grpc.client.pager_client import DEFAULT_TIMEOUT, PagerClient
from pager_grpc.runtime.tls_files import TlsFiles

P = ParamSpec("P")
Answer = TypeVar("Answer")


def _blocking(
    method: Callable[Concatenate[PagerClient, P], Coroutine[Any, Any, Answer]],
) -> Callable[Concatenate["BlockingPagerClient", P], Answer]:
    def call(self: "BlockingPagerClient", /, *arguments: P.args, **more: P.kwargs) -> Answer:
        if not self._entered:
            raise RuntimeError("the client is not open: call it inside of `with BlockingPagerClient(…) as pager:`")
        return self.run(method(self.client, *arguments, **more))

    call.__doc__ = method.__doc__
    return call


class BlockingPagerClient:
    """A :class:`PagerClient` whose calls block. To be used by one thread that runs no event loop."""

    def __init__(
        self, target: Target, *, api_key: str = "", tls: TlsFiles | None = None, timeout: float = DEFAULT_TIMEOUT
    ) -> None:
        self.client = PagerClient(target, api_key=api_key, tls=tls, timeout=timeout)
        self._runner = asyncio.Runner()
        self._entered = False

    def __enter__(self) -> Self:
        self.run(self.client.__aenter__())
        self._entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._entered = False
        try:
            self.run(self.client.__aexit__(kind, error, trace))
        finally:
            self._runner.close()

    def run(self, call: Coroutine[Any, Any, Answer]) -> Answer:
        """The answer of a coroutine of :attr:`client`."""
        # By itself a runner keeps the context in which it was made, and would not see in_trace.
        return self._runner.run(call, context=copy_context())

    raise_alert = _blocking(PagerClient.raise_alert)
    acknowledge = _blocking(PagerClient.acknowledge)
    mark_healthy = _blocking(PagerClient.mark_healthy)
    snooze = _blocking(PagerClient.snooze)
    escalate = _blocking(PagerClient.escalate)
    reassign = _blocking(PagerClient.reassign)
    get_service = _blocking(PagerClient.get_service)
    get_incident = _blocking(PagerClient.get_incident)
