import pytest
from adapters.pager.stored_pager import stored_pager
from databases import DATABASES
from fakes.pager import fake_pager


@pytest.fixture(params=["fake", *DATABASES])
def place(request, tmp_path):
    """The fakes, and each database with as many replicas as it can have; not opened yet. Time stands still."""
    if request.param == "fake":
        return fake_pager()
    if request.param == "sqlite":
        return stored_pager(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}", frozen=True)
    url = request.getfixturevalue("postgres_url" if request.param == "postgresql" else "serializable_url")
    return stored_pager(url, replicas=3, frozen=True)


@pytest.fixture
async def pager(place):
    """The same, open."""
    async with place as opened:
        yield opened
