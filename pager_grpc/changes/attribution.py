"""Who asked for the change that this task makes, and by which call."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pager_domain.changes.model import Attribution

_current: ContextVar[Attribution | None] = ContextVar("attribution", default=None)


def current_attribution() -> Attribution:
    """Of the call that this task answers; anonymous outside of any."""
    return _current.get() or Attribution("anonymous")


@contextmanager
def attributed_to(attribution: Attribution) -> Iterator[None]:
    """What is changed inside was asked for by ``attribution``."""
    token = _current.set(attribution)
    try:
        yield
    finally:
        _current.reset(token)
