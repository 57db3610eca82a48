"""What a log line is about: the call, the page and the trace at hand.

It is told once, where the work begins, and looked into only when a line is written.
"""

from contextvars import Context, ContextVar, copy_context

import structlog

from pager_grpc.runtime.trace_context import current_traceparent, ids_of

_IDS = ("request_id", "incident_id", "monitored_service_id", "notification_id")
_MOST_CHARACTERS = 255

_subject: ContextVar[object] = ContextVar("subject", default=None)


def lines_are_about(subject: object) -> None:
    """From here on lines of this task carry the ids that ``subject`` has: a request, a page."""
    _subject.set(subject)


def context_about_nothing() -> Context:
    """The present context, in which lines are about no call and no page and in no trace."""
    context = copy_context()
    context.run(_subject.set, None)
    context.run(current_traceparent.set, "")
    return context


def add_ids(
    _logger: structlog.typing.WrappedLogger, _level: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """A processor: adds what the line does not say itself."""
    if (subject := _subject.get()) is not None:
        for name in _IDS:
            # What a caller sent may not have been looked at yet.
            if name not in line and isinstance(value := getattr(subject, name, None), str) and value:
                line[name] = value[:_MOST_CHARACTERS]
    if (current := current_traceparent.get()) and "trace_id" not in line:
        line.update(ids_of(current))
    return line
