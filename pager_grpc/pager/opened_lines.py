"""The lines of the log that say which incidents alerts have opened."""

import asyncio
from contextvars import Context, copy_context

import structlog

from pager_domain.pager.model import Answer

log = structlog.get_logger()


class OpenedLines:
    """One line for all that became durable together; an incident that was opened alone has it to itself, with its ids.

    In a storm a line for each cost an alert an eighth of its time. Each incident has a line when a level is notified.
    """

    def __init__(self) -> None:
        self._of_no_call = copy_context()
        self._alone: tuple[Context, Answer, str] | None = None
        self._count = 0

    def add(self, answer: Answer, request_id: str) -> None:
        """The alert ``request_id`` has opened the incident of ``answer``; who waited for the same batch comes next."""
        self._count += 1
        if self._count == 1:
            self._alone = (copy_context(), answer, request_id)
            asyncio.get_running_loop().call_soon(self._write, context=self._of_no_call)

    def _write(self) -> None:
        count, alone, self._count, self._alone = self._count, self._alone, 0, None
        if count > 1 or alone is None:
            log.info("incidents_opened", incidents=count)
        else:
            context, answer, request_id = alone
            context.run(log_change, "incident_opened", answer, request_id)


def log_change(event: str, answer: Answer, request_id: str) -> None:
    """A line about one incident that a call has changed."""
    log.info(
        event,
        monitored_service_id=answer.service.monitored_service_id,
        incident_id=answer.incident.incident_id if answer.incident else "",
        request_id=request_id,
    )
