"""The delivery ledger on SQLite or PostgreSQL."""

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.notifier.messages import Channel
from pager_domain.notifier.model import Delivery, DeliveryState
from pager_domain.notifier.ports.delivery_ledger import DeliveryLedger, LedgerPosition, Rule
from pager_grpc.notifier.tables import DELIVERIES
from pager_grpc.runtime.columns import as_moment
from pager_grpc.runtime.database import Database

_NAMES = tuple(field.name for field in fields(Delivery))
_CONSTANT = {"delivery_id", "channel", "recipient_hint", "fingerprint", "create_time"}
_TYPED = [bindparam(name, type_=DELIVERIES.c[name].type) for name in _NAMES]
_POSITION = [bindparam(name, type_=DELIVERIES.c[name].type) for name in ("create_time", "delivery_id")]

_FIND = text("SELECT * FROM deliveries WHERE delivery_id = :delivery_id")
_INSERT = text(
    f"INSERT INTO deliveries ({', '.join(_NAMES)}) VALUES ({', '.join(f':{name}' for name in _NAMES)})"
    " ON CONFLICT DO NOTHING"
).bindparams(*_TYPED)
_CHANGED = [name for name in _NAMES if name not in _CONSTANT]
_UPDATE = text(
    f"UPDATE deliveries SET {', '.join(f'{name} = :{name}' for name in _CHANGED)} WHERE delivery_id = :delivery_id"
).bindparams(*[bind for bind in _TYPED if bind.key in _CHANGED])


class SqlDeliveryLedger(DeliveryLedger):
    """One row a delivery; locked first, then judged, then written, in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = _lock_statement(database)

    async def change(self, delivery_id: str, rule: Rule) -> Delivery:
        """Two statements and a commit in most cases; a race for a new id costs its loser one more round."""

        async def work() -> Delivery:
            async with self._database.begin() as connection:
                while True:
                    if (changed := await self._try_change(connection, delivery_id, rule)) is not None:
                        return changed

        return await self._database.retrying(work)

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

    async def _try_change(self, connection: AsyncConnection, delivery_id: str, rule: Rule) -> Delivery | None:
        """None if another one inserted the id between our look and our insert; then it can be locked."""
        binds = {"wanted_id": delivery_id, **self._database.now_binds()}
        found = (await connection.execute(self._lock, binds)).mappings().one()
        now = _moment(found["ledger_time"])
        if found["delivery_id"] is None:
            changed = rule(None, now)
            inserted = await connection.execute(_INSERT, _binds_of(changed, _NAMES))
            return changed if inserted.rowcount == 1 else None
        stored = _delivery_of(found)
        changed = rule(stored, now)
        if changed != stored:
            await connection.execute(_UPDATE, _binds_of(changed, ("delivery_id", *_CHANGED)))
        return changed


def _lock_statement(database: Database) -> TextClause:
    # The time is read in the outer select, after the lock is held: a rule never sees a moment from before its wait.
    lock = "" if database.is_sqlite else "FOR UPDATE"
    return text(
        f"WITH locked AS MATERIALIZED (SELECT * FROM deliveries WHERE delivery_id = :wanted_id {lock})"
        f" SELECT {database.now_sql} AS ledger_time, locked.* FROM (SELECT 1) AS always LEFT JOIN locked ON true"
    )


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


def _binds_of(delivery: Delivery, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(delivery, name) for name in names}


def _delivery_of(row: RowMapping) -> Delivery:
    return Delivery(
        delivery_id=row["delivery_id"],
        channel=Channel(row["channel"]),
        state=DeliveryState(row["state"]),
        recipient_hint=row["recipient_hint"],
        fingerprint=row["fingerprint"],
        provider=row["provider"],
        fencing_token=row["fencing_token"],
        create_time=_moment(row["create_time"]),
        update_time=_moment(row["update_time"]),
        attempt_count=row["attempt_count"],
        doubt_count=row["doubt_count"],
        sending_until=as_moment(row["sending_until"]),
        retry_time=as_moment(row["retry_time"]),
        provider_message_id=row["provider_message_id"],
        provider_answer=row["provider_answer"],
    )


def _moment(value: Any) -> datetime:
    moment = as_moment(value)
    if moment is None:
        raise ValueError("a moment is missing")
    return moment
