"""Attempts that outlive their callers: what has begun is finished and recorded, whoever still listens."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

import structlog

from pager_domain.errors import DomainError
from pager_domain.notifier.model import Delivery
from pager_grpc.access.principal import current_principal
from pager_grpc.runtime.lines_together import LinesTogether
from pager_grpc.runtime.log_context import lines_are_about
from pager_grpc.runtime.tracing import NO_SPAN, SpanKind, Tracing, spanning

T = TypeVar("T")

log = structlog.get_logger()

_Way = tuple[str, str]
"""A provider, and who asked."""


class Named(Protocol):
    """A request for a message."""

    request_id: str


class RunningAttempts:
    """Runs attempts as tasks of the room; a caller that goes away leaves its attempt running."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self, attempt: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """``attempt`` under way; whoever begins it looks at its end."""
        task = asyncio.create_task(attempt)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def run(self, attempt: Coroutine[Any, Any, T]) -> T:
        """The result of ``attempt``. If the one who waits is cancelled, the attempt goes on."""
        task = self.begin(attempt)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_log_unheard)
            raise

    async def finish(self, within_seconds: float) -> None:
        """Waits for the running attempts; what takes longer is left to its lease."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=within_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


class ToldAttempts:
    """Attempts whose end the log tells under the id of their request; those of many at once in one line.

    One that belongs to a trace has a span there, and one that was not the first has a line of its own.
    """

    def __init__(self, tracing: Tracing | None = None) -> None:
        self._tracing = tracing
        self._handed_over: LinesTogether[_Way, str] = LinesTogether(_tell_handed_over)

    async def told(self, request: Named, send: Callable[[], Awaitable[Delivery]], traceparent: str = "") -> Delivery:
        """The end of ``send``."""
        lines_are_about(request)
        with spanning(self._tracing, "send message", parent=traceparent, kind=SpanKind.CONSUMER) as span:
            try:
                delivery = await send()
            except DomainError as refusal:
                log.info("message_not_handed_over", outcome=type(refusal).__name__)
                raise
            span.note({"pager.provider": delivery.provider, "pager.attempt": delivery.attempt_count})
            if span is NO_SPAN and delivery.attempt_count == 1:
                self._handed_over.tell((delivery.provider, current_principal().name), request.request_id)
            else:
                log.info("message_handed_over", provider=delivery.provider, attempt=delivery.attempt_count)
            return delivery


def _tell_handed_over(way: _Way, request_ids: Sequence[str]) -> None:
    provider, _caller = way
    if len(request_ids) > 1:
        log.info("messages_handed_over", provider=provider, messages=len(request_ids), request_ids=request_ids)
    else:
        log.info("message_handed_over", provider=provider, attempt=1, request_id=request_ids[0])


def _log_unheard(task: "asyncio.Task[Any]") -> None:
    if task.cancelled():
        log.warning("attempt_cut_off")
    elif isinstance(fault := task.exception(), DomainError):
        log.info("unheard_attempt_ended", outcome=type(fault).__name__)
    elif fault is not None:
        log.error("unheard_attempt_failed", exc_info=fault)
