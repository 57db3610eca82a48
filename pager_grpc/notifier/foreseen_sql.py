"""Changes of the ledger that were foreseen: on PostgreSQL one statement, which is a transaction of its own.

Nearly every hand-off changes its line twice, and both times it is known what is stored: nothing, then what was stored
just now. So nothing is locked and looked at first: the statement itself compares. It makes a line if there is none, and
changes one if it still is what it was thought to be. What it leaves alone is changed in the ordinary way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

from pager_domain.errors import DomainError
from pager_domain.notifier.model import Delivery
from pager_domain.notifier.ports.delivery_ledger import Rule
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import Binds, Row, fetch

_NOMINAL = datetime(1970, 1, 1, tzinfo=UTC)
"""The moment that rules are told; no line that is stored has one like it."""
_LATER = ("sending_until", "retry_time")
_VERSION = ("state", "attempt_count", "update_time")
"""No line has the same again once it was changed: it never comes back to an attempt that has ended."""
_NAMES = tuple(field.name for field in fields(Delivery))
_FIXED = ("delivery_id", "channel", "recipient_hint", "fingerprint", "create_time")
_CHANGED = tuple(name for name in _NAMES if name not in _FIXED)
_WAS = tuple(f"was_{name}" for name in _VERSION)
_TYPES = dict.fromkeys(_LATER, "interval") | {
    "fencing_token": "bigint",
    "attempt_count": "integer",
    "doubt_count": "integer",
    "was_attempt_count": "integer",
    "was_update_time": "timestamptz",
}
_NOW = {"create_time": "clock.now", "update_time": "clock.now"} | {name: f"clock.now + r.{name}" for name in _LATER}

_CHANGE = """
UPDATE deliveries AS d SET {changes} FROM {rows} CROSS JOIN clock
WHERE d.delivery_id = r.delivery_id AND {unchanged} RETURNING d.*
"""
_MAKE = """
INSERT INTO deliveries ({columns}) SELECT {values} FROM {rows} CROSS JOIN clock
ON CONFLICT DO NOTHING RETURNING *
"""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What is thought to be stored and what becomes of it; what is new of its moments counts from a nominal one."""

    stored: Delivery | None
    after: Delivery


def foreseen(stored: Delivery | None, rule: Rule) -> Foreseen | None:
    """What ``rule`` makes of ``stored``; None if that cannot be said before there was a look at the line."""
    try:
        after = rule(stored, _NOMINAL)
    except DomainError:
        return None
    made = stored.create_time if stored else _NOMINAL
    old = {getattr(stored, name) for name in _LATER if stored} - {None}
    is_new = (after.create_time, after.update_time) == (made, _NOMINAL)
    return Foreseen(stored, after) if is_new and old.isdisjoint(getattr(after, name) for name in _LATER) else None


async def change_as_foreseen(database: Database, changes: Sequence[Foreseen]) -> Sequence[Row]:
    """The rows of those lines that were what they were thought to be, as they are now; durable."""
    ordered = sorted(changes, key=lambda change: change.after.delivery_id)
    known = [_row_of(change.after) | _version_of(change.stored) for change in ordered if change.stored]
    new = [_row_of(change.after) for change in ordered if not change.stored]
    statement = _statement(database.now_sql, changes=bool(known), makes=bool(new))
    binds = _binds("k", ("delivery_id", *_CHANGED, *_WAS), known) | _binds("n", _NAMES, new)
    async with database.alone() as connection:
        return await database.commits.timed(partial(fetch, connection, statement, binds))()


@lru_cache(maxsize=8)
def _statement(now_sql: str, *, changes: bool, makes: bool) -> str:
    """Lines that are there are taken before those that are made, each kind in the order of their ids, as ever: so
    replicas that are given the same pages wait in no circle.
    """
    parts = {"clock": f"SELECT {now_sql} AS now"}
    if changes:
        setting = ", ".join(f"{name} = {_NOW.get(name, f'r.{name}')}" for name in _CHANGED)
        unchanged = " AND ".join(f"d.{name} = r.was_{name}" for name in _VERSION)
        rows = _rows("k", ("delivery_id", *_CHANGED, *_WAS))
        parts["changed"] = _CHANGE.format(changes=setting, unchanged=unchanged, rows=rows)
    if makes:
        values = ", ".join(_NOW.get(name, f"r.{name}") for name in _NAMES)
        parts["made"] = _MAKE.format(columns=", ".join(_NAMES), values=values, rows=_rows("n", _NAMES))
    named = ", ".join(f"{name} AS ({part})" for name, part in parts.items())
    return f"WITH {named} " + " UNION ALL ".join(f"SELECT * FROM {name}" for name in parts if name != "clock")


def _rows(prefix: str, names: Sequence[str]) -> str:
    sent = [name for name in names if name not in ("create_time", "update_time")]
    arrays = ", ".join(f"CAST(:{prefix}_{name} AS {_TYPES.get(name, 'text')}[])" for name in sent)
    return f"unnest({arrays}) AS r({', '.join(sent)})"


def _binds(prefix: str, names: Sequence[str], rows: Iterable[Row]) -> Binds:
    listed = list(rows)
    return {f"{prefix}_{name}": [row[name] for row in listed] for name in names}


def _row_of(line: Delivery) -> dict[str, Any]:
    row = {name: getattr(line, name) for name in _NAMES}
    return row | {name: row[name] and row[name] - _NOMINAL for name in _LATER}


def _version_of(stored: Delivery) -> dict[str, Any]:
    return {f"was_{name}": getattr(stored, name) for name in _VERSION}
