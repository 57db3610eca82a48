"""`pagerd migrate`: the schema of one room."""

import sys

from alembic.util.exc import CommandError
from sqlalchemy.exc import DBAPIError

from pager_domain.errors import StoreUnavailable
from pager_grpc.daemon.configuration import read_configuration
from pager_grpc.daemon.rooms import Room
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate


async def migrated(room: Room) -> int:
    """Migrates to the newest revision, prints it and returns the exit code.

    Raises:
        ConfigurationFault: the configuration or the database file cannot be used.
    """
    database = open_database(read_configuration([room])[room].database_url)
    try:
        revision = await migrate(database, room)
    except StoreUnavailable as error:
        return _failed(room, f"the database cannot be reached: {error.__cause__}")
    except (CommandError, DBAPIError) as error:
        return _failed(room, f"the schema was not changed: {error}")
    finally:
        await database.close()
    sys.stdout.write(f"{room}: schema is at revision {revision}\n")
    return 0


def _failed(room: Room, sentence: str) -> int:
    sys.stderr.write(f"{room}: {sentence}\n")
    return 1
