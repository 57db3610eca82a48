"""S12: whether what was answered at the same time can have happened one after the other.

Calls that did not overlap keep their order. Brute force with a memory of the states that led nowhere: histories are
short.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from builders import acknowledging, healing, raising

_REQUESTS = {"alert": raising, "acknowledge": acknowledging, "healthy": healing}


@dataclass(frozen=True)
class Act:
    """One call about one service."""

    operation: str
    service: str
    request_id: str = ""
    said: str = ""

    @property
    def request(self):
        """What ``said`` is: the message of an alert, the person who acknowledges."""
        words = {"alert": {"message": self.said}, "acknowledge": {"by": self.said}}.get(self.operation, {})
        return _REQUESTS[self.operation](self.service, request_id=self.request_id, **words)


@dataclass(frozen=True)
class Done:
    """An act that was answered, between two moments; without an act the pager looked at what is due."""

    began: int
    ended: int
    act: Act | None = None
    answer: Any = None


def can_follow(reference, done, agrees):
    """Whether some order of ``done`` gives these answers and ends in a state of ``reference`` that ``agrees``.

    A look at what is due may pass a service over that another replica holds: it fires, or does nothing.
    """
    nowhere = set()

    def search(state, rest):
        if not rest:
            return agrees(state)
        if (key := (frozenset(rest), repr(vars(state)))) in nowhere:
            return False
        first_end = min(one.ended for one in rest)
        for one in rest:
            if one.began < first_end and any(search(after, rest - {one}) for after in _after(state, one)):
                return True
        nowhere.add(key)
        return False

    return search(reference, frozenset(done))


def _after(state, one):
    if one.act is None:
        yield state
        fired = deepcopy(state)
        fired.fire()
        yield fired
        return
    told, act = deepcopy(state), one.act
    name = one.answer[0] if isinstance(one.answer, tuple) else ""
    if told.answer(act.operation, act.service, act.request_id, act.said, name or "") == one.answer:
        yield told
