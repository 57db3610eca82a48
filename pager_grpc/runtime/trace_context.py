"""What belongs together across processes and restarts, in the form of W3C Trace Context. Knows no tracing library.

A traceparent is text like ``00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01``: version, trace, span, flags.
Empty text is none.
"""

import re
from collections.abc import Iterable
from contextvars import ContextVar

METADATA_KEY = "traceparent"
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_MOST_CHARACTERS = 512
_SAMPLED = 1

current_traceparent: ContextVar[str] = ContextVar("traceparent", default="")
"""What is done now belongs to this span. Set by whoever traces; empty while nobody does."""


def checked_traceparent(value: object) -> str:
    """``value`` in the form of version 00 if it is a traceparent, else empty: foreign nonsense ends no call."""
    if not isinstance(value, str) or len(value) > _MOST_CHARACTERS or not (found := _TRACEPARENT.fullmatch(value)):
        return ""
    trace_id, span_id, flags = found.groups()
    if value.startswith("00") and len(value) != 55:  # only a later version may say more
        return ""
    return f"00-{trace_id}-{span_id}-{int(flags, 16) & _SAMPLED:02x}"


def is_sampled(traceparent: str) -> bool:
    """Whether its spans are recorded: what is not is followed no further."""
    return traceparent.endswith("01")


def followed_traceparent() -> str:
    """The current traceparent if its spans are recorded, else empty: what is worth storing."""
    current = current_traceparent.get()
    return current if current.endswith("01") else ""


def traceparent_in(metadata: Iterable[tuple[str, str | bytes]] | None) -> str:
    """The traceparent of a call, or empty."""
    return checked_traceparent(next((value for key, value in metadata or () if key == METADATA_KEY), None))


def outgoing_metadata() -> tuple[tuple[str, str], ...] | None:
    """What a call that is made now says of its trace; None: nothing."""
    current = current_traceparent.get()
    return ((METADATA_KEY, current),) if current else None


def ids_of(traceparent: str) -> dict[str, str]:
    """``trace_id`` and ``span_id`` as log lines name them; nothing of an empty one."""
    if not traceparent:
        return {}
    _, trace_id, span_id, _ = traceparent.split("-")
    return {"trace_id": trace_id, "span_id": span_id}
