"""A former primary that comes back is not believed.

PostgreSQL counts a timeline up whenever a standby takes over. A server that is met on an older timeline than this
process has seen is the one that was taken over from: what is written there will be thrown away, and what is read there
is old. A connection to it is refused, and whoever wanted it hears that the database is not there.
"""

from typing import Any
from weakref import WeakKeyDictionary

import asyncpg
import structlog
from sqlalchemy import event
from sqlalchemy.engine import AdaptedConnection

from pager_grpc.runtime.database import Database

log = structlog.get_logger()

# The name of the file of the log begins with the timeline, in hexadecimal. What pg_control_checkpoint() says is older:
# after a standby has taken over it waits for the next checkpoint. A standby refuses all writes itself.
_ASK = """
SELECT system_identifier AS system,
    CASE WHEN pg_is_in_recovery() THEN '' ELSE left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END AS timeline
FROM pg_control_system()
"""

_DOES_NOT_SAY = (asyncpg.UndefinedFunctionError, asyncpg.InsufficientPrivilegeError, asyncpg.FeatureNotSupportedError)
"""What speaks PostgreSQL and keeps its log otherwise, or keeps the question for administrators."""


class FormerPrimary(ConnectionError):
    """This server was taken over from."""

    def __init__(self, timeline: int, newest: int) -> None:
        self.timeline, self.newest = timeline, newest
        super().__init__(f"the server is on timeline {timeline}, and {newest} was seen: it is a former primary")


class Succession:
    """The newest timeline of each cluster that was met, and the connections that are open to its servers."""

    def __init__(self) -> None:
        self._newest: dict[int, int] = {}
        self._is_refusing = self._is_untold = False
        self._servers: list[list[Any]] = []
        self._open: WeakKeyDictionary[asyncpg.Connection[Any], tuple[int, int]] = WeakKeyDictionary()

    def meet(self, connection: "asyncpg.Connection[Any]", system: int, timeline: int) -> None:
        """``connection`` is to a primary of the cluster ``system``.

        Those that are open to a server on an older timeline are cut off: nobody may go on writing there.

        Raises:
            FormerPrimary: the other one is older.
        """
        newest = self._newest.get(system, timeline)
        if timeline < newest:
            if not self._is_refusing:
                log.error("former_primary_refused", timeline=timeline, newest=newest)
            self._is_refusing = True
            raise FormerPrimary(timeline, newest)
        if timeline > newest or self._is_refusing:
            log.warning("new_primary", timeline=timeline, former=newest)
        self._newest[system], self._is_refusing = timeline, False
        for other, (its_system, its_timeline) in list(self._open.items()):
            if its_system == system and its_timeline < timeline:
                other.terminate()
        self._open[connection] = system, timeline

    def examine(self, made: AdaptedConnection, _record: object) -> None:
        """For the pool's event ``connect``. Where the address names several servers another one is next.

        A server that does not say on which timeline it is is believed.

        Raises:
            ConnectionError: nobody may use it, or it is gone again.
        """
        try:
            found = made.run_async(lambda driver: driver.fetchrow(_ASK))
            if found["timeline"]:
                self.meet(made.driver_connection, found["system"], int(found["timeline"], 16))
        except _DOES_NOT_SAY as error:
            if not self._is_untold:
                log.warning("timeline_unknown", error=str(error))
            self._is_untold = True
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            _end(made)
            raise ConnectionError(f"a new connection was lost: {error}") from error
        except FormerPrimary:
            _end(made)
            for several in self._servers:
                several.append(several.pop(0))
            raise
        except BaseException:
            _end(made)
            raise

    def note_servers(self, _dialect: object, _record: object, _positional: object, named: dict[str, Any]) -> None:
        """For the engine's event ``do_connect``: ``named`` has the lists that the driver goes through."""
        self._servers = [named[key] for key in ("host", "port") if isinstance(named.get(key), list)]


def refuse_former_primaries(database: Database) -> None:
    """From here on each new connection of ``database`` is examined; nothing is to be asked on SQLite."""
    if not database.is_sqlite:
        succession, engine = Succession(), database.engine.sync_engine
        event.listen(engine, "do_connect", succession.note_servers)
        event.listen(engine, "connect", succession.examine)


def _end(made: AdaptedConnection) -> None:
    driver: asyncpg.Connection[Any] = made.driver_connection
    driver.terminate()
