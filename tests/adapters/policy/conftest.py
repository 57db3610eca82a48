import pytest

from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate


@pytest.fixture
async def database(database_url):
    """An open database with the policy room's schema, once on each engine."""
    opened = open_database(database_url)
    await migrate(opened, "policy")
    yield opened
    await opened.close()
