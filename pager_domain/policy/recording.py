"""What is saved or ended in one transaction of the policy store, with what stood there before."""

from typing import Any

from pager_domain.changes.model import Change, ObjectKind, change_between
from pager_domain.policy.revisions import Kind, Revisioned


class Recording:
    """``changes`` is what became of each object, in the order in which it was written; what stays the same is none."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self._stood: dict[tuple[str, str], Any] = {}

    def found(self, kind: Kind[Any, Any], object_id: str, live: Revisioned[Any] | None) -> None:
        """An object was locked; None: there is none."""
        self._stood[kind.name, object_id] = _definition(live)

    def became(self, kind: Kind[Any, Any], object_id: str, live: Revisioned[Any] | None) -> None:
        """An object was saved, or has ended (None). What was not locked before counts as new."""
        before, after = self._stood.get((kind.name, object_id)), _definition(live)
        self._stood[kind.name, object_id] = after
        change = change_between(ObjectKind(kind.name), object_id, before, after)
        if change is not None:
            self.changes.append(change)


def _definition(live: Revisioned[Any] | None) -> Any | None:
    return live.definition if live is not None else None
