"""Change records: each change of the configuration leaves one, with what stood before and after. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

from pager_domain.changes.documents import Addresses, document_of
from pager_domain.errors import InvalidField

Document = Mapping[str, Any]
"""Fields by name, as plain JSON."""
RecordId = NewType("RecordId", int)


class ObjectKind(StrEnum):
    """What may be changed."""

    ESCALATION_POLICY = "policy"
    PERSON = "person"
    SCHEDULE = "schedule"
    MAINTENANCE_WINDOW = "maintenance_window"
    API_KEY = "api_key"


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one object: the fields that differ, as they were and as they are.

    ``before`` is None of what is new, ``after`` of what ended; then the other one has all fields.
    """

    kind: ObjectKind
    object_id: str
    before: Document | None
    after: Document | None

    def __post_init__(self) -> None:
        if self.before == self.after:
            raise InvalidField("after", "must differ from what was before")


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who asked for a change, and by which call; method and request id are empty where nobody called."""

    principal: str
    method: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """A change as it is kept; ids grow, and a record never changes."""

    record_id: RecordId
    recorded_at: datetime
    attribution: Attribution
    change: Change


def change_between(kind: ObjectKind, object_id: str, before: Any | None, after: Any | None) -> Change | None:
    """What changed between two values of one type (None: there is none); None if nothing did.

    Addresses are told by their hints only; another address with the same hint gets a number, so that it is seen.
    """
    addresses = Addresses()
    was, is_now = (_fields(value, addresses) for value in (before, after))
    if was == is_now:
        return None
    if was is None or is_now is None:
        return Change(kind, object_id, was, is_now)
    differing = [name for name in [*was, *(name for name in is_now if name not in was)] if _differs(name, was, is_now)]
    return Change(kind, object_id, _only(was, differing), _only(is_now, differing))


def _fields(value: Any | None, addresses: Addresses) -> dict[str, Any] | None:
    if value is None:
        return None
    document: dict[str, Any] = document_of(value, addresses)
    return document


def _differs(name: str, was: Document, is_now: Document) -> bool:
    return name not in was or name not in is_now or was[name] != is_now[name]


def _only(document: Document, names: list[str]) -> Document:
    return {name: document[name] for name in names if name in document}
