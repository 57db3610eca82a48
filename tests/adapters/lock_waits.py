"""When somebody waits for a lock of PostgreSQL."""

import asyncio

from sqlalchemy import text

# Other tests have databases on the same server.
_WAITING = text(
    "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()"
)


async def somebody_waits_for_a_lock(database):
    """Returns once a transaction of ``database`` waits for another one."""
    async with asyncio.timeout(5):
        while True:
            async with database.begin() as connection:
                if (await connection.execute(_WAITING)).scalar_one():
                    return
