"""Structured logs: one JSON object a line on standard error, or coloured lines on a terminal."""

import logging
import sys
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict

from pager_grpc.runtime.log_context import add_ids


class Lenient:
    """A stream for a log that stops nobody: lines that cannot be written are counted, and the next one says how many.

    Where a disk is full, or whoever reads has gone, each line would else raise where it is said: in the middle of a
    call, or in the loop that pages.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._unwritten = 0

    def add_unwritten(self, _logger: Any, _method: str, event: EventDict) -> EventDict:
        """A processor of structlog. Some of these lines may still come, from the stream's own buffer."""
        if self._unwritten:
            event["lines_unwritten_before"] = self._unwritten
        return event

    def write(self, text: str) -> None:
        """One line."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # or it is closed
            self._unwritten += 1
        else:
            self._unwritten = 0

    def flush(self) -> None:
        """Done with each line."""


def configure_logs(room: str, level: str = "info") -> None:
    """Called once by a process; ``room`` stands in every line, and the ids of what the line is about."""
    lines = Lenient(sys.stderr)
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            add_ids,
            lines.add_unwritten,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", lines)),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(room=room)
