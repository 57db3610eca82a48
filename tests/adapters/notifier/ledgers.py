"""A ledger that is at work."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pager_grpc.notifier.deliveries_sql import SqlDeliveryLedger
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.supervision import running


@asynccontextmanager
async def working_ledger(database: Database) -> AsyncIterator[SqlDeliveryLedger]:
    ledger = SqlDeliveryLedger(database)
    async with running(ledger.run()):
        yield ledger
