"""What changes by revisions: policies, people, schedules.

Every change makes a new revision, counted from 1 and on past the end of an entry, and a revision never changes. Whoever
changes an entry says by its etag which revision was read; an update that changes nothing makes none.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from pager_domain.errors import DomainError


class Definition(Protocol):
    """What people say of an entry: everything but its revision and its times."""

    @property
    def entry_id(self) -> str:
        """The id, which never changes; 1 to 255 bytes."""


D = TypeVar("D", bound=Definition)


@dataclass(frozen=True, slots=True)
class Revisioned(Generic[D]):
    """One revision of an entry. ``update_time`` is when it was made."""

    definition: D
    revision: int
    create_time: datetime
    update_time: datetime

    @property
    def entry_id(self) -> str:
        """The id, which never changes."""
        return self.definition.entry_id

    @property
    def etag(self) -> str:
        """Text that is another one after every change; made from the id, the revision and the content."""
        return hashlib.sha256(json.dumps([self.revision, *self.facts()]).encode()).hexdigest()[:32]

    def facts(self) -> list[object]:
        """The content as plain JSON; it must be the same from two releases side by side."""
        return [facts_of(self.definition)]


R = TypeVar("R", bound=Revisioned[Any])


@dataclass(frozen=True, slots=True)
class Standing(Generic[R]):
    """A revision and up to when it stood; None if it still does."""

    entry: R
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Kind(Generic[D, R]):
    """A kind of entry: its name in the store, what makes a revision of it, and the errors that name an id."""

    name: str
    made: Callable[[D, int, datetime, datetime], R]
    unknown: Callable[[str], DomainError]
    exists: Callable[[str], DomainError]
    stale: Callable[[str], DomainError]


@dataclass(frozen=True, slots=True)
class Record(Generic[D, R]):
    """What has become of one id: its last revision (0 if it was never used) and its newest one unless ended."""

    kind: Kind[D, R]
    entry_id: str
    last_revision: int = 0
    live: R | None = None

    def create(self, definition: D, now: datetime) -> R:
        """A new entry; after an ended one its revisions are counted on."""
        if self.live is not None:
            raise self.kind.exists(self.entry_id)
        return self.kind.made(definition, self.last_revision + 1, now, now)

    def update(self, definition: D, etag: str, now: datetime) -> R:
        """The next revision, or ``live`` itself if nothing is different."""
        return self.changed(self.read_at(etag), definition, now)

    def change(self, definition: D, now: datetime) -> R:
        """As :meth:`update`, by somebody who has just read the newest revision under the lock."""
        return self.changed(self.existing(), definition, now)

    def changed(self, live: R, definition: D, now: datetime) -> R:
        """The revision after ``live``, or ``live`` itself if ``definition`` is nothing new."""
        if live.definition == definition:
            return live
        return replace(live, definition=definition, revision=self.last_revision + 1, update_time=now)

    def read_at(self, etag: str) -> R:
        """The entry, if ``etag`` is its newest."""
        live = self.existing()
        if live.etag != etag:
            raise self.kind.stale(self.entry_id)
        return live

    def existing(self) -> R:
        """The entry, if it has not ended."""
        if self.live is None:
            raise self.kind.unknown(self.entry_id)
        return self.live


def facts_of(value: Any) -> Any:
    """``value`` as plain JSON. A field at its default is left out, so that a release may add fields of its own."""
    if is_dataclass(value):
        told = ((f.name, getattr(value, f.name)) for f in fields(value) if getattr(value, f.name) != f.default)
        return [type(value).__name__, {name: facts_of(each) for name, each in told}]
    if isinstance(value, tuple | list):
        return [facts_of(each) for each in value]
    if isinstance(value, frozenset):
        return sorted(facts_of(each) for each in value)
    if isinstance(value, timedelta):
        return value // timedelta(microseconds=1)
    if isinstance(value, date | time):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value
