"""What PostgreSQL is sent, statement by statement, seen at the driver: each is a round trip, BEGIN and COMMIT too."""

from contextlib import asynccontextmanager

from sqlalchemy import event

_ASKED_ONCE = ("default_transaction_isolation", "typeinfo", "'jit'")
"""What a new connection learns: the level of isolation, and asyncpg the types of arrays."""


@asynccontextmanager
async def watching_round_trips(database):
    """The first words of each statement that is sent while it is entered."""
    sent = []

    def noting(done):
        if not any(asked in done.query for asked in _ASKED_ONCE):
            sent.append(" ".join(done.query.split()[:3]).rstrip(";"))

    def connected(made, _record):
        made.driver_connection.add_query_logger(noting)

    await database.disconnect()  # connections that are open already are not watched
    event.listen(database.engine.sync_engine, "connect", connected)
    try:
        yield sent
    finally:
        event.remove(database.engine.sync_engine, "connect", connected)
        await database.disconnect()
