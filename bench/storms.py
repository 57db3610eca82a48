"""Many services break within a second, while people acknowledge other incidents; every page is counted at the end."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from bench.calm import until_calm
from bench.figures import quantile
from bench.load.bodies import ACKNOWLEDGE, RAISE, acknowledgements, alerts
from bench.load.loops import closed_loop, open_loop
from bench.processes import cpu_seconds
from bench.rounds import Sample
from bench.servers.rooms import Letter, World
from bench.sides import IN_FLIGHT

ACKNOWLEDGEMENTS_A_SECOND = 20.0
_MOST_SECONDS_OF_ACKNOWLEDGEMENTS = 100.0
# Each look reads the whole record, on the cores of the rooms.
_LOOK_SECONDS = 0.5


@dataclass(slots=True)
class Storm:
    """``count`` services that break in every round, each paging two people; other services in the next round.

    Names of services and addresses begin with ``name``, see :func:`service` and :func:`addresses`. ``told`` counts the
    pages that all e-mails so far carried, ``recipients`` those who got any, anew in each round. A round ends when all
    pages are there, or after ``patience`` seconds.
    """

    world: World
    name: str
    count: int
    patience: float
    rounds: int = 0
    told: int = 0
    recipients: int = 0

    async def breaks(self) -> Sample:
        """Pages a second, from the first alert to the last e-mail."""
        known = await self._known()
        before, over, begun = len(self.world.mail.letters()), asyncio.Event(), monotonic()
        bodies, used = alerts(service(self.name, self.rounds, n) for n in range(self.count)), self._cpu_seconds()
        async with asyncio.TaskGroup() as group:
            acknowledging = group.create_task(self._acknowledged(known, over))
            raised = await open_loop(self.world.pager.target, RAISE, bodies, self.count)
            await self._until_told(before)
            over.set()
        latencies = acknowledging.result()
        await self._rest()
        letters = self._note(before)
        seconds = letters[-1].at - begun
        more = {
            "accepted_seconds": max(call.answered for call in raised) - begun,
            "handed_over_seconds": seconds,
            "letters": len(letters),
            "acknowledged": len(latencies),
            "acknowledge_p50_ms": quantile(latencies, 0.5) * 1e3,
            "acknowledge_p99_ms": quantile(latencies, 0.99) * 1e3,
            "cpu_us": {room: (now - used[room]) / (2 * self.count) * 1e6 for room, now in self._cpu_seconds().items()},
        }
        return Sample(_pages(letters) / seconds, more)

    async def _known(self) -> list[str]:
        """Incidents that people know already and will acknowledge meanwhile."""
        most = int(min(self.patience, _MOST_SECONDS_OF_ACKNOWLEDGEMENTS) * ACKNOWLEDGEMENTS_A_SECOND)
        services = [f"known-{self.name}-{self.rounds}-{n}" for n in range(most)]
        await closed_loop([self.world.pager.target], RAISE, alerts(services), IN_FLIGHT)
        await self._rest()
        return services

    async def _acknowledged(self, services: list[str], over: asyncio.Event) -> list[float]:
        bodies, rate = acknowledgements(services), ACKNOWLEDGEMENTS_A_SECOND
        return [call.latency for call in await open_loop(self.world.pager.target, ACKNOWLEDGE, bodies, rate, over)]

    async def _until_told(self, before: int) -> None:
        """Returns once the e-mails carry all pages, or nothing more can be hoped for."""
        end = monotonic() + self.patience
        while _pages(self._letters(before)) < 2 * self.count and monotonic() < end:  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(_LOOK_SECONDS)

    def _letters(self, before: int) -> list[Letter]:
        """In order of arrival."""
        return [letter for letter in self.world.mail.letters(before) if letter.recipient.startswith(f"{self.name}-")]

    def _note(self, before: int) -> list[Letter]:
        """Once the rooms are at rest, so that a page that comes late or again is seen; all e-mails of the round."""
        letters = self._letters(before)
        self.told += _pages(letters)
        self.recipients += len({letter.recipient for letter in letters})
        self.rounds += 1
        return letters

    def _cpu_seconds(self) -> dict[str, float]:
        """What each room has used so far."""
        return {name: cpu_seconds(room.pid) for name, room in self.world.rooms.items()}

    async def _rest(self) -> None:
        await until_calm(*(room.pid for room in self.world.rooms.values()))


def service(name: str, number: int, n: int) -> str:
    """The service ``n`` of round ``number``."""
    return f"{name}-{number}-{n:05d}"


def addresses(name: str, pair: str) -> list[str]:
    """Two people."""
    return [f"{name}-{pair}-{who}@example.com" for who in ("first", "second")]


def _pages(letters: Sequence[Letter]) -> int:
    return sum(letter.pages for letter in letters)
