"""`pagerd migrate` beside rooms that serve: it waits for them, and they never wait long for it."""

import asyncio
import os
import sys

from sealed import ADDRESS_KEY
from sqlalchemy import text

from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import downgrade, migrate

_ATTEMPTS_THAT_WAIT = """
SELECT DISTINCT xact_start FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE NOT granted AND pg_stat_activity.datname = current_database()
"""


async def test_it_lets_go_and_tries_again_while_a_transaction_is_in_its_way(postgres_url):
    database = open_database(postgres_url)
    newest = await migrate(database, "pager")
    async with database.begin() as connection:
        await connection.run_sync(downgrade, "pager", "0010")
    environment = os.environ | {
        "PAGER_DATABASE_URL": postgres_url,
        "PAGER_CATCH_ALL_EMAIL": "ana@example.com",
        "PAGER_ADDRESS_KEYS": ADDRESS_KEY,
    }
    async with database.begin() as connection:
        await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        await connection.execute(text("LOCK TABLE incidents, notifications IN ACCESS SHARE MODE"))
        migrating = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "pager_grpc.pagerd",
            "migrate",
            "pager",
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        seen = set()
        while len(seen) < 2:
            assert migrating.returncode is None
            async with database.begin() as looking:  # one transaction would see one moment
                seen |= set((await looking.execute(text(_ATTEMPTS_THAT_WAIT))).scalars())
    said, _ = await migrating.communicate()
    assert (migrating.returncode, said.decode()) == (0, f"pager: schema is at revision {newest}\n")
    await database.close()
