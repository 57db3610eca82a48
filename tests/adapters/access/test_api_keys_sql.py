"""The store of keys signs its contract in every room, on every engine."""

import pytest
from contracts.api_keys import ApiKeysContract

from pager_grpc.access.api_keys_sql import SqlApiKeys
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate


class TestSqlApiKeys(ApiKeysContract):
    @pytest.fixture
    async def keys(self, database_url):
        database = open_database(database_url)
        await migrate(database, "notifier")
        yield SqlApiKeys(database)
        await database.close()
