"""New PostgreSQL databases, and the kinds of database that every promise is held against."""

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

DATABASES = ("sqlite", "postgresql", "serializable")


@contextmanager
def a_postgres_database(admin: URL, isolation: str = "read committed") -> Iterator[str]:
    """The URL of a new database; transactions in it have this isolation level unless they say otherwise."""
    name = f"test_{uuid.uuid4().hex}"
    default = f"ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'"
    asyncio.run(_administer(admin, f"CREATE DATABASE {name}", default))
    try:
        yield admin.set(database=name).render_as_string(hide_password=False)
    finally:
        asyncio.run(_administer(admin, f"DROP DATABASE {name} WITH (FORCE)"))


async def _administer(url: URL, *statements: str) -> None:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            for statement in statements:
                await connection.execute(text(statement))
    finally:
        await engine.dispose()
