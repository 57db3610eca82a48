"""The delivery ledger on SQLite or PostgreSQL."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias

import structlog
from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.errors import DomainError, StoreUnavailable
from pager_domain.notifier.messages import Channel
from pager_domain.notifier.model import Delivery, DeliveryState
from pager_domain.notifier.ports.delivery_ledger import DeliveryLedger, LedgerPosition, Rule
from pager_domain.values import value
from pager_grpc.notifier.foreseen_sql import change_as_foreseen, foreseen
from pager_grpc.notifier.tables import DELIVERIES
from pager_grpc.runtime.bulk import Writes
from pager_grpc.runtime.columns import as_moment, moment_of
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.database_errors import again_when_taken
from pager_grpc.runtime.group_commit import GroupCommit
from pager_grpc.runtime.metrics_batches import BatchMetrics
from pager_grpc.runtime.selecting import Row, fetch, is_one_of

log = structlog.get_logger()

MAX_BATCH = 256
Lines: TypeAlias = "dict[str, Delivery]"

_NAMES = tuple(field.name for field in fields(Delivery))
_CONSTANT = {"delivery_id", "channel", "recipient_hint", "fingerprint", "create_time"}
_POSITION = [bindparam(name, type_=DELIVERIES.c[name].type) for name in ("create_time", "delivery_id")]

_FIND = text("SELECT * FROM deliveries WHERE delivery_id = :delivery_id")
_CHANGED = [name for name in _NAMES if name not in _CONSTANT]
# The time is read beside each line, after it was locked: the newest of them is that after the last lock.
_LOCKED = """
WITH locked AS MATERIALIZED (SELECT * FROM deliveries WHERE {condition} ORDER BY delivery_id {lock})
SELECT {now} AS ledger_time, locked.* FROM (SELECT 1) AS always LEFT JOIN locked ON true
"""


@value
class LineChange:
    """What is to become of a line; what is thought to be stored counts where it is ``foreseen``."""

    delivery_id: str
    rule: Rule
    stored: Delivery | None = None
    foreseen: bool = False


class SqlDeliveryLedger(DeliveryLedger):
    """Lines are locked first, then judged, then written; what is asked for meanwhile shares the next transaction.

    Lines change only while :meth:`run` runs. ``batches`` measures its transactions.
    """

    def __init__(self, database: Database, batches: BatchMetrics | None = None) -> None:
        self._database = database
        commit = batches.measured("ledger", self.change_all) if batches else self.change_all
        self._changes: GroupCommit[LineChange, Delivery] = GroupCommit(commit, MAX_BATCH)

    async def run(self) -> None:
        """Changes lines until cancelled."""
        await self._changes.run()

    async def change(self, delivery_id: str, rule: Rule) -> Delivery:
        """A share of a transaction."""
        return await self._changes.submit(LineChange(delivery_id, rule))

    async def change_foreseen(self, delivery_id: str, stored: Delivery | None, rule: Rule) -> Delivery:
        """As ``change``; a share of one statement, if all that is asked for at once is as it was foreseen."""
        return await self._changes.submit(LineChange(delivery_id, rule, stored, foreseen=True))

    async def change_all(self, changes: Sequence[LineChange]) -> list[Delivery | DomainError]:
        """What each rule gave, or its refusal, in their order; durable. Two that change one line see each other.

        Raises:
            StoreUnavailable: all may be stored, or nothing.
        """
        changed = await self._changed_as_foreseen(changes)
        left = [change for change in changes if change.delivery_id not in changed]
        others = iter(await self._looked_at(left) if not changed else await self._looked_at_after(left))
        return [changed.get(change.delivery_id) or next(others) for change in changes]

    async def _changed_as_foreseen(self, changes: Sequence[LineChange]) -> Lines:
        """Nothing on SQLite, which has no round trips, and unless all can go together: that would be a commit more."""
        if self._database.is_sqlite or not all(change.foreseen for change in changes):
            return {}
        lines = {change.delivery_id: foreseen(change.stored, change.rule) for change in changes}
        expected = [line for line in lines.values() if line is not None]
        if not len(expected) == len(lines) == len(changes):
            return {}
        rows = await self._database.retrying(partial(change_as_foreseen, self._database, expected))
        return {row["delivery_id"]: _delivery_of(row) for row in rows}

    async def _looked_at_after(self, changes: Sequence[LineChange]) -> list[Delivery | DomainError]:
        """Those that were not as foreseen; what happens to them does not become of the others, which stand."""
        try:
            return await self._looked_at(changes) if changes else []
        except StoreUnavailable as error:
            return [error] * len(changes)
        except Exception:
            log.exception("lines_not_changed", lines=len(changes))
            return [StoreUnavailable()] * len(changes)

    async def _looked_at(self, changes: Sequence[LineChange]) -> list[Delivery | DomainError]:
        # Another replica may insert one of the lines between our look and our insert; then it can be locked.
        return await again_when_taken(partial(self._database.retrying, partial(self._change_all, changes)))

    async def find(self, delivery_id: str) -> Delivery | None:
        """As committed now."""
        async with self._database.snapshot() as connection:
            found = (await connection.execute(_FIND, {"delivery_id": delivery_id})).mappings().one_or_none()
        return _delivery_of(found) if found is not None else None

    async def newest(
        self, states: Collection[DeliveryState], limit: int, before: LedgerPosition | None
    ) -> Sequence[Delivery]:
        """One walk along the index of creation times."""
        binds: dict[str, Any] = {"limit": limit}
        if states:
            binds["states"] = [state.value for state in states]
        if before is not None:
            binds |= {"create_time": before.create_time, "delivery_id": before.delivery_id}
        async with self._database.snapshot() as connection:
            found = await connection.execute(_newest_statement(bool(states), before is not None), binds)
            return [_delivery_of(row) for row in found.mappings()]

    async def _change_all(self, changes: Sequence[LineChange]) -> list[Delivery | DomainError]:
        results: list[Delivery | DomainError] = []
        async with self._database.begin() as connection:
            lines, now = await self._locked(connection, {change.delivery_id for change in changes})
            for part in _each_line_once(changes):
                judged = [_judged(lines.get(change.delivery_id), change.rule, now) for change in part]
                changed = {line.delivery_id: line for line in judged if isinstance(line, Delivery)}
                await _write(connection, lines, changed)
                lines |= changed
                results += judged
        return results

    async def _locked(self, connection: AsyncConnection, ids: Collection[str]) -> tuple[Lines, datetime]:
        """The lines that exist, and the moment after the last of them was locked."""
        database = self._database
        condition, binds = is_one_of(connection, "delivery_id", ids)
        lock = "" if database.is_sqlite else "FOR UPDATE"
        query = _LOCKED.format(condition=condition, lock=lock, now=database.now_sql)
        found = await fetch(connection, query, binds | database.now_binds())
        lines = {row["delivery_id"]: _delivery_of(row) for row in found if row["delivery_id"] is not None}
        return lines, max(moment_of(row["ledger_time"]) for row in found)


def _each_line_once(changes: Sequence[LineChange]) -> Iterator[list[LineChange]]:
    # Each change of a line is written: the guards of the database judge steps, and two steps in one look like a jump.
    part: dict[str, LineChange] = {}
    for change in changes:
        if change.delivery_id in part:
            yield list(part.values())
            part = {}
        part[change.delivery_id] = change
    yield list(part.values())


def _judged(stored: Delivery | None, rule: Rule, now: datetime) -> Delivery | DomainError:
    try:
        return rule(stored, now)
    except DomainError as refusal:
        return refusal


async def _write(connection: AsyncConnection, stored: Lines, changed: Lines) -> None:
    # In the order of their ids, so that replicas which insert the same lines wait in no circle.
    new = [changed[key] for key in sorted(changed.keys() - stored.keys())]
    differing = [line for key, line in changed.items() if key in stored and line != stored[key]]
    writes = Writes(connection)
    writes.insert(DELIVERIES, [_row_of(line, _NAMES) for line in new])
    writes.update(DELIVERIES, [_row_of(line, ("delivery_id", *_CHANGED)) for line in differing])
    await writes.run()


def _newest_statement(filtered: bool, continued: bool) -> TextClause:
    states = "AND state IN :states" if filtered else ""
    position = "AND (create_time, delivery_id) < (:create_time, :delivery_id)" if continued else ""
    statement = text(
        f"SELECT * FROM deliveries WHERE true {states} {position}"
        " ORDER BY create_time DESC, delivery_id DESC LIMIT :limit"
    )
    if filtered:
        statement = statement.bindparams(bindparam("states", expanding=True))
    return statement.bindparams(*_POSITION) if continued else statement


def _row_of(delivery: Delivery, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(delivery, name) for name in names}


def _delivery_of(row: Row) -> Delivery:
    return Delivery(
        delivery_id=row["delivery_id"],
        channel=Channel(row["channel"]),
        state=DeliveryState(row["state"]),
        recipient_hint=row["recipient_hint"],
        fingerprint=row["fingerprint"],
        provider=row["provider"],
        fencing_token=row["fencing_token"],
        create_time=moment_of(row["create_time"]),
        update_time=moment_of(row["update_time"]),
        attempt_count=row["attempt_count"],
        doubt_count=row["doubt_count"],
        sending_until=as_moment(row["sending_until"]),
        retry_time=as_moment(row["retry_time"]),
        provider_message_id=row["provider_message_id"],
        provider_answer=row["provider_answer"],
    )
