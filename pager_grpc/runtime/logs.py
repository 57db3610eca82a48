"""Structured logs: one JSON object a line on standard error, or coloured lines on a terminal."""

import logging
import sys

import structlog

from pager_grpc.runtime.log_context import add_ids


def configure_logs(room: str, level: str = "info") -> None:
    """Called once by a process; ``room`` stands in every line, and the ids of what the line is about."""
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            add_ids,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(room=room)
