"""Turns of round robin on SQLite or PostgreSQL.

Whoever gives turns at a level locks its counter first, in the order of the levels; the keys refuse a second turn for
one incident and one turn for two.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.kernel import PolicyId
from pager_domain.policy.turns import PolicyLevel, Seat, Turns
from pager_grpc.policy.tables import ROUND_ROBIN_COUNTERS, ROUND_ROBIN_TURNS
from pager_grpc.runtime.bulk import insert_rows, upsert_rows
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import Binds, fetch, is_sqlite

_SQLITE_LEVELS = "(SELECT value ->> 0 AS policy_id, value ->> 1 AS level FROM json_each(:levels)) AS a"
_POSTGRES_LEVELS = "unnest(CAST(:policies AS text[]), CAST(:levels AS integer[])) AS a(policy_id, level)"
_SQLITE_SEATS = """
    (SELECT value ->> 0 AS policy_id, value ->> 1 AS level, value ->> 2 AS incident_id FROM json_each(:seats)) AS a
"""
_POSTGRES_SEATS = """
    unnest(CAST(:policies AS text[]), CAST(:levels AS integer[]), CAST(:incidents AS text[]))
    AS a(policy_id, level, incident_id)
"""

_UPCOMING = """
SELECT c.policy_id, c.level, c.next_turn FROM {levels}
JOIN round_robin_counters c ON c.policy_id = a.policy_id AND c.level = a.level
ORDER BY c.policy_id, c.level
"""
_TAKEN = """
SELECT t.policy_id, t.level, t.incident_id, t.turn FROM {seats}
JOIN round_robin_turns t ON t.policy_id = a.policy_id AND t.level = a.level AND t.incident_id = a.incident_id
"""
_FORGET = """
DELETE FROM round_robin_turns WHERE (policy_id, level, incident_id) IN (
    SELECT policy_id, level, incident_id FROM round_robin_turns
    WHERE create_time < :before ORDER BY create_time LIMIT :limit
) RETURNING 1
"""


async def turns_of(
    connection: AsyncConnection, levels: Collection[PolicyLevel], seats: Collection[Seat], *, locked: bool = False
) -> Turns:
    """At most two statements; ``locked``: the counters stay as they are until the transaction ends."""
    upcoming = await _upcoming(connection, levels, locked=locked)
    return Turns(await _taken(connection, seats) if seats else {}, upcoming)


async def lock_turns(connection: AsyncConnection, levels: Collection[PolicyLevel], seats: Collection[Seat]) -> Turns:
    """A level at which no turn was ever given gets its counter first, so that there is something to lock."""
    rows = [{"policy_id": policy_id, "level": level, "next_turn": 0} for policy_id, level in sorted(levels)]
    await insert_rows(connection, ROUND_ROBIN_COUNTERS, rows, or_skip=True)
    return await turns_of(connection, levels, seats, locked=True)


async def save_turns(
    connection: AsyncConnection, given: Mapping[Seat, int], upcoming: Mapping[PolicyLevel, int], now: datetime
) -> None:
    """Two statements."""
    turns = [
        {
            "policy_id": seat.policy_id,
            "level": seat.level,
            "incident_id": seat.incident_id,
            "turn": turn,
            "create_time": now,
        }
        for seat, turn in given.items()
    ]
    counters = [
        {"policy_id": policy_id, "level": level, "next_turn": turn} for (policy_id, level), turn in upcoming.items()
    ]
    await insert_rows(connection, ROUND_ROBIN_TURNS, turns)
    await upsert_rows(connection, ROUND_ROBIN_COUNTERS, counters)


async def forget_turns(database: Database, connection: AsyncConnection, before: datetime, limit: int) -> int:
    """The oldest first."""
    binds = {"before": database.moment_bind(before), "limit": limit}
    return len(await fetch(connection, _FORGET, binds))


async def _upcoming(
    connection: AsyncConnection, levels: Collection[PolicyLevel], *, locked: bool
) -> dict[PolicyLevel, int]:
    listed = sorted(levels)
    statement, binds = _UPCOMING.format(levels=_POSTGRES_LEVELS), _columns(listed, "policies", "levels")
    if is_sqlite(connection):
        statement, binds = _UPCOMING.format(levels=_SQLITE_LEVELS), {"levels": to_json(listed).decode()}
    elif locked:
        statement += "FOR UPDATE OF c"
    rows = await fetch(connection, statement, binds)
    return {(PolicyId(row["policy_id"]), row["level"]): row["next_turn"] for row in rows}


async def _taken(connection: AsyncConnection, seats: Collection[Seat]) -> dict[Seat, int]:
    listed = sorted((seat.policy_id, seat.level, seat.incident_id) for seat in seats)
    statement, binds = _TAKEN.format(seats=_POSTGRES_SEATS), _columns(listed, "policies", "levels", "incidents")
    if is_sqlite(connection):
        statement, binds = _TAKEN.format(seats=_SQLITE_SEATS), {"seats": to_json(listed).decode()}
    rows = await fetch(connection, statement, binds)
    return {Seat(PolicyId(row["policy_id"]), row["level"], row["incident_id"]): row["turn"] for row in rows}


def _columns(rows: Collection[tuple[object, ...]], *names: str) -> Binds:
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}
