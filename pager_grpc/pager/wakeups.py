"""Waking loops and watchers right after a commit: in this process directly, in the others by LISTEN/NOTIFY.

A wake-up is a hint and may be lost; the loops look again after the safety pause by themselves. So NOTIFY comes
after the commits and not within them, where it would make them wait for each other (docs/decisions/0017).
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Any, TypeVar

import asyncpg
import structlog
from sqlalchemy import make_url

from pager_domain.errors import StoreUnavailable
from pager_grpc.runtime.silence import SERVER_SIDE, bound_silence
from pager_grpc.runtime.supervision import Doorbell

log = structlog.get_logger()

Message = TypeVar("Message")

CHANNEL = "pager_wakeups"
SAFETY_PAUSE_SECONDS = 2.0
"""The longest sleep of a loop: a lost wake-up delays a page by no more than this."""
TELL_LATER_SECONDS = 0.02
"""A process that pages what it accepts tells the others once that is on its way: nobody is paged the later for it."""
_TELL_SECONDS = 5.0
_LAST_WORD_SECONDS = 1.0
# The last but one: a connection that was cut in the middle of a statement does not know what it was doing.
_LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)
_NOT_THE_DRIVERS = "prepared_statement_cache_size"
"""What an address may say, as where a pooler stands before the server, to SQLAlchemy alone."""
_LOOK_SECONDS = 60.0
"""Whether the connection is still there is also told by its bell."""


class Work(StrEnum):
    """What commits may have made: one letter each, joined into the payload of a NOTIFY."""

    ESCALATION = "e"
    DELIVERY = "d"
    EVENTS = "w"
    MAINTENANCE = "m"


class Wakeups:
    """The bells of one process."""

    def __init__(self) -> None:
        self.escalation = Doorbell()
        self.delivery = Doorbell()
        self.maintenance = Doorbell()
        self.untold = Doorbell()
        self._untold: set[str] = set()
        self._closed = False
        self._readings: set[asyncio.Timeout] = set()
        self._watchers: set[Doorbell] = set()

    def committed(self, work: str) -> None:
        """This process committed ``work``: wakes who waits for it here, and leaves word for the other replicas."""
        if work:
            self.ring(work)
            self._untold.update(work)
            self.untold.ring()

    def take_untold(self) -> str:
        """What the other replicas were not told yet; whoever takes it tells them."""
        work, self._untold = "".join(sorted(self._untold)), set()
        return work

    def ring(self, work: str) -> None:
        """Wakes whoever waits for this kind of work (letters of :class:`Work`)."""
        if Work.ESCALATION in work:
            self.escalation.ring()
        if Work.DELIVERY in work:
            self.delivery.ring()
        if Work.MAINTENANCE in work:
            self.maintenance.ring()
        if Work.EVENTS in work:
            for watcher in self._watchers:
                watcher.ring()

    @property
    def closing(self) -> bool:
        """Whether the process is about to leave."""
        return self._closed

    def close(self) -> None:
        """Lets long calls go: they come back to another replica, or to this one after its restart."""
        self._closed = True
        for reading in self._readings:
            reading.reschedule(asyncio.get_running_loop().time())
        self.ring_all()

    async def until_closing(self, messages: AsyncIterator[Message]) -> AsyncGenerator[Message, None]:
        """``messages`` as they come, and no more once the process is about to leave.

        Raises:
            StoreUnavailable: it is; whoever calls goes on elsewhere.
        """
        while not self._closed:
            try:
                async with asyncio.timeout(None) as reading:
                    self._readings.add(reading)
                    message = await anext(messages, None)
            except TimeoutError:
                break
            finally:
                self._readings.discard(reading)
            if message is None:
                return
            yield message
        raise StoreUnavailable

    def ring_all(self) -> None:
        """Wakes everybody: wake-ups may have been missed."""
        self.ring("".join(Work))

    @contextmanager
    def watching(self) -> Iterator[Doorbell]:
        """A bell that rings whenever events may have been committed."""
        bell = Doorbell()
        self._watchers.add(bell)
        try:
            yield bell
        finally:
            self._watchers.discard(bell)


async def listen(database_url: str, wakeups: Wakeups, tell_after: float = 0.0) -> None:
    """Rings the bells for what other replicas commit and tells them what this one did; connects again when cut off.

    They are told ``tell_after`` seconds after the first commit, with all that was committed since; who is cancelled
    tells them what is left before it goes.
    """
    url = make_url(database_url)
    # As everything else takes the address: the driver's own reading of it knows one host and other names.
    _, where = url.get_dialect()().create_connect_args(url)
    where = {name: value for name, value in where.items() if name != _NOT_THE_DRIVERS}
    while True:
        try:
            await _listen_once(where, wakeups, tell_after)
        except _LOST as error:
            log.warning("wakeups_interrupted", error=type(error).__name__)
        await asyncio.sleep(1)


async def _listen_once(where: Mapping[str, Any], wakeups: Wakeups, tell_after: float) -> None:
    session = {"application_name": "hexagonal-pager-wakeups"} | SERVER_SIDE
    connection = await asyncpg.connect(**{**where, "timeout": 5, "server_settings": session})
    bound_silence(connection)
    mine = connection.get_server_pid()

    def hear(_connection: object, pid: int, _channel: str, payload: object) -> None:
        if pid != mine:
            wakeups.ring(str(payload))

    connection.add_termination_listener(lambda _: wakeups.untold.ring())
    try:
        await connection.add_listener(CHANNEL, hear)
        wakeups.ring_all()
        while not connection.is_closed():
            await _tell(connection, wakeups)
            await wakeups.untold.wait(_LOOK_SECONDS)
            await asyncio.sleep(tell_after)
    except asyncio.CancelledError:
        # What this process accepted last it may not act on any more.
        with suppress(*_LOST):
            await _tell(connection, wakeups, _LAST_WORD_SECONDS)
        raise
    finally:
        connection.terminate()


async def _tell(connection: "asyncpg.Connection[Any]", wakeups: Wakeups, patience: float = _TELL_SECONDS) -> None:
    """What is committed while this is under way goes with the next."""
    if work := wakeups.take_untold():
        await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, work, timeout=patience)
