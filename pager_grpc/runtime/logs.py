"""Structured logs: one JSON object a line on standard error, or coloured lines on a terminal."""

import logging
import os
import select
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict

from pager_grpc.runtime.log_context import add_ids

_PATIENCE_MS = 100
"""For a reader that is only slow; who has missed a line is not waited for again."""


class Lenient:
    """An open file for a log that stops nobody: lines that find no room are counted, and the next one says how many.

    Where a disk is full, or whoever reads has gone, each line would else raise where it is said: in the middle of a
    call, or in the loop that pages. Where whoever reads a pipe stands still, everything would stand still with it.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._room = select.poll()
        self._room.register(descriptor, select.POLLOUT)
        self._begun = b""
        self._unwritten = 0

    def add_unwritten(self, _logger: Any, _method: str, event: EventDict) -> EventDict:
        """A processor of structlog."""
        if self._unwritten:
            event["lines_unwritten_before"] = self._unwritten
        return event

    def write(self, text: str) -> None:
        """One line. What is left of a line that has begun goes first, so that lines stay whole."""
        self._begun = self._left_of(self._begun)
        line = text.encode(errors="backslashreplace")
        left = line if self._begun else self._left_of(line)
        if left == line:
            self._unwritten += 1
        else:
            self._begun, self._unwritten = left, 0

    def flush(self) -> None:
        """Done with each line."""

    def _left_of(self, line: bytes) -> bytes:
        with suppress(OSError):  # what is left is counted
            # A pipe that has room at all has room for so much: to write it does not wait.
            while line and self._room.poll(0 if self._unwritten else _PATIENCE_MS):
                line = line[os.write(self._descriptor, line[: select.PIPE_BUF]) :]
        return line


def configure_logs(room: str, level: str = "info") -> None:
    """Called once by a process; ``room`` stands in every line, and the ids of what the line is about."""
    lines = Lenient(sys.stderr.fileno())
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
