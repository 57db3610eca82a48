import pytest
from adapters.pager.running import a_running_pager
from adapters.pager.stored_pager import stored_pager


@pytest.fixture
async def pager(database_url):
    """Store, outbox and views over a new database, once on each engine."""
    async with stored_pager(database_url) as opened:
        yield opened


@pytest.fixture
async def postgres_pager(postgres_url):
    """The same on PostgreSQL only: two replicas."""
    async with stored_pager(postgres_url) as opened:
        yield opened


@pytest.fixture
async def caller(database_url, tmp_path):
    """A caller of a running pager, once on each engine."""
    async with a_running_pager(database_url, tmp_path) as calling:
        yield calling
