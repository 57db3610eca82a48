"""`pagerd migrate`: the schema of one room."""

import asyncio
import random
import sys
import time

from alembic.util.exc import CommandError
from sqlalchemy.exc import DBAPIError

from pager_domain.errors import StoreUnavailable
from pager_grpc.daemon.configuration import database_urls
from pager_grpc.daemon.rooms import Room
from pager_grpc.runtime.database import Database, open_database
from pager_grpc.runtime.database_errors import is_contention
from pager_grpc.runtime.migrations import migrate

_PATIENCE_SECONDS = 60.0


async def migrated(room: Room) -> int:
    """Migrates to the newest revision, prints it and returns the exit code.

    Raises:
        ConfigurationFault: the configuration or the database file cannot be used.
    """
    database = open_database(database_urls([room])[room])
    try:
        revision = await _migrated_between_calls(database, room)
    except StoreUnavailable as error:
        return _failed(room, f"the database cannot be reached: {error.__cause__}")
    except (CommandError, DBAPIError) as error:
        return _failed(room, f"the schema was not changed: {error}")
    finally:
        await database.close()
    sys.stdout.write(f"{room}: schema is at revision {revision}\n")
    return 0


async def _migrated_between_calls(database: Database, room: Room) -> str:
    """The revision reached; tried again while rooms that serve hold what it needs.

    An attempt waits a second for a lock at most, because whoever calls waits behind it.
    """
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return await migrate(database, room)
        except DBAPIError as error:
            if not is_contention(error) or time.monotonic() > end:
                raise
        await asyncio.sleep(random.uniform(0.2, 1))  # noqa: S311 - jitter is no secret


def _failed(room: Room, sentence: str) -> int:
    sys.stderr.write(f"{room}: {sentence}\n")
    return 1
