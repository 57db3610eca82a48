"""The lines of the log that say which incidents alerts have opened."""

from collections.abc import Sequence
from contextvars import Context, copy_context

import structlog

from pager_domain.pager.model import Answer
from pager_grpc.access.principal import current_principal
from pager_grpc.runtime.lines_together import LinesTogether
from pager_grpc.runtime.trace_context import followed_traceparent

log = structlog.get_logger()

_Opened = tuple[Context, Answer, str]


class OpenedLines:
    """One line for all that became durable together and that one caller sent; what was opened alone, or in a trace, has
    a line of its own.

    In a storm a line for each cost an alert an eighth of its time.
    """

    def __init__(self) -> None:
        self._together: LinesTogether[str, _Opened] = LinesTogether(_tell)

    def add(self, answer: Answer, request_id: str) -> None:
        """The alert ``request_id`` has opened the incident of ``answer``; who waited for the same batch comes next."""
        if followed_traceparent():
            log_change("incident_opened", answer, request_id)
        else:
            self._together.tell(current_principal().name, (copy_context(), answer, request_id))


def log_change(event: str, answer: Answer, request_id: str) -> None:
    """A line about one incident that a call has changed."""
    log.info(
        event,
        monitored_service_id=answer.service.monitored_service_id,
        incident_id=answer.incident.incident_id if answer.incident else "",
        request_id=request_id,
    )


def _tell(_principal: str, opened: Sequence[_Opened]) -> None:
    if len(opened) > 1:
        ids = [answer.incident.incident_id for _, answer, _ in opened if answer.incident]
        log.info("incidents_opened", incidents=len(opened), incident_ids=ids)
        return
    [(context, answer, request_id)] = opened
    context.run(log_change, "incident_opened", answer, request_id)
