"""The build before this one, and databases that nobody has migrated yet."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from databases import a_postgres_database
from sqlalchemy.engine import URL
from upgrade.previous import unpacked

ROOMS = ("pager", "policy", "notifier")


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    """What PYTHONPATH must name to run the build before."""
    return unpacked(tmp_path / "previous")


@pytest.fixture
def empty_databases(postgres_admin_url: URL) -> Iterator[dict[str, str]]:
    """One empty PostgreSQL database a room."""
    with ExitStack() as stack:
        yield {room: stack.enter_context(a_postgres_database(postgres_admin_url)) for room in ROOMS}
