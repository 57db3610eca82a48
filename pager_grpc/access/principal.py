"""Who makes the call that this task answers."""

from contextvars import ContextVar

from pager_domain.access.principal import ANONYMOUS, Principal

_current: ContextVar[Principal] = ContextVar("principal", default=ANONYMOUS)


def current_principal() -> Principal:
    """The caller as the access layer recognised it; ``ANONYMOUS`` while access is open and outside of any call."""
    return _current.get()


def act_as(principal: Principal) -> None:
    """From here on this task, and those it starts, answer ``principal``. gRPC gives every call a task of its own."""
    _current.set(principal)
