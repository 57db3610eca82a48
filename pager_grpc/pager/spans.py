"""What the pager does for a trace: a batch is committed, a page is delivered. Names and attributes stand here."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager

from pager_domain.errors import DomainError
from pager_domain.pager.model import Answer, Request
from pager_domain.pager.notification import Bundle
from pager_domain.pager.ports.notification_outbox import Claim, Postponed, Result, Settled
from pager_grpc.runtime.tracing import NOT_TRACED, Span, SpanKind, Tracing, spanning

Commit = Callable[[Sequence[Request]], Awaitable[list[Answer | DomainError]]]


def committing(commit: Commit, tracing: Tracing | None) -> Commit:
    """``commit`` with a span around it: a child of the first traced request of a batch, with links to the others."""
    if tracing is None:
        return commit

    async def traced(batch: Sequence[Request]) -> list[Answer | DomainError]:
        parent, *links = list(dict.fromkeys(r.traceparent for r in batch if r.traceparent)) or [""]
        size = {"pager.batch_size": len(batch)}
        with spanning(tracing, "commit batch", parent=parent, links=links, attributes=size):
            return await commit(batch)

    return traced


def delivering(claim: Claim, tracing: Tracing | None) -> AbstractContextManager[Span]:
    """A span around one attempt: a child of the level that owes the page; a bundle has links to those of the others.

    ``NO_SPAN`` for one that nobody traces.
    """
    return _delivering(claim, tracing) if tracing is not None and claim.notification.traceparent else NOT_TRACED


def _delivering(claim: Claim, tracing: Tracing) -> AbstractContextManager[Span]:
    message = claim.notification
    ids: dict[str, str | int] = {"pager.notification_id": message.notification_id, "pager.attempt": claim.attempt}
    if not isinstance(message, Bundle):
        ids |= {"pager.incident_id": message.incident_id, "pager.monitored_service_id": message.monitored_service_id}
    others = {page.traceparent for page in claim.pages if page.traceparent} - {message.traceparent}
    attributes = ids | {"pager.pages": len(claim.pages), "pager.channel": claim.pages[0].channel.value}
    return spanning(
        tracing,
        "deliver page",
        parent=message.traceparent,
        kind=SpanKind.CLIENT,
        links=sorted(others),
        attributes=attributes,
    )


def note_end(span: Span, result: Result) -> None:
    """What became of the attempt, without what anybody said."""
    if isinstance(result, Settled):
        provider = result.events[0].provider
        span.note({"pager.outcome": result.outcome.value} | ({"pager.provider": provider} if provider else {}))
    elif isinstance(result, Postponed):
        span.note({"pager.outcome": "postponed", "pager.notifier_reached": bool(result.reached)})
    else:
        span.note({"pager.outcome": "dissolved"})
