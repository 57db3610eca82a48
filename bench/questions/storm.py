"""What if everything breaks at once? 5,000 services within a second, two addresses each, 10,000 pages to hand over.

Pages a second ÷ empty calls a second of the pager just before and after; meanwhile people acknowledge other incidents,
20 a second.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from time import monotonic

from bench.answer import Answer, Check, Row, at_least, at_most
from bench.calm import until_calm
from bench.effort import Effort
from bench.figures import quantile
from bench.load.bodies import ACKNOWLEDGE, RAISE, acknowledgements, alerts
from bench.load.loops import closed_loop, open_loop
from bench.rounds import Interleaving, Rounds, Sample
from bench.servers.databases import Engine, fresh_store
from bench.servers.policies import create_policies, policy
from bench.servers.rooms import Letter, World, running_world
from bench.sides import IN_FLIGHT, empty_calls

GOAL = "P5"
ROOMS = ("pager", "policy", "notifier")
ACKNOWLEDGEMENTS_A_SECOND = 20.0
_PATIENCE_SECONDS = 150.0
_LOOK_SECONDS = 0.1
_MOST_ROUNDS = 5


async def ask(effort: Effort) -> Answer:
    """On the embedded engine; each round breaks other services, which page the same people."""
    count = effort.pick(full=5000, quick=500)
    interleaving = Interleaving(effort.pick(full=_MOST_ROUNDS, quick=1), seconds=effort.pick(full=100.0, quick=20.0))
    async with fresh_store(Engine.SQLITE, ROOMS) as store, running_world(store) as world:
        storm = _Storm(world, count)
        await storm.prepare()
        rounds = await interleaving.bracketed(empty_calls(world.pager, 4000), {"storm": storm.breaks})
    wanted = 2 * count * len(rounds.rounds)
    checks = [
        Check("pages lost", 0, wanted - storm.handed_over),
        Check("pages doubled", 0, storm.doubled),
    ]
    return Answer(_rows(rounds, count), checks, {"rounds": rounds.raw()})


@dataclass(slots=True)
class _Storm:
    """One round after the other; ``handed_over`` counts pages that came, ``doubled`` those that came again."""

    world: World
    count: int
    number: int = 0
    handed_over: int = 0
    doubled: int = 0

    async def prepare(self) -> None:
        """Each pair of people is on call for one service of every round; somebody else for all others."""
        policies = [
            policy(f"storm-{n}", _addresses(n), [_service(number, n) for number in range(_MOST_ROUNDS)])
            for n in range(self.count)
        ]
        await create_policies(self.world.policy, [policy("default", ["on-call@example.com"]), *policies])
        await self._rest()

    async def breaks(self) -> Sample:
        """Pages a second, from the first alert to the last e-mail."""
        answered = await self._others()
        before, over, begun = len(self.world.mail.letters()), asyncio.Event(), monotonic()
        acknowledging = asyncio.create_task(self._acknowledged(answered, over))
        bodies = alerts(_service(self.number, n) for n in range(self.count))
        raised = await open_loop(self.world.pager.target, RAISE, bodies, self.count)
        letters = await self._letters(before)
        over.set()
        latencies = await acknowledging
        await self._rest()
        self._count_letters(before)
        seconds = letters[-1].at - begun
        more = {
            "accepted_seconds": max(call.answered for call in raised) - begun,
            "handed_over_seconds": seconds,
            "acknowledged": len(latencies),
            "acknowledge_p50_ms": quantile(latencies, 0.5) * 1e3,
            "acknowledge_p99_ms": quantile(latencies, 0.99) * 1e3,
        }
        return Sample(len(letters) / seconds, more)

    async def _others(self) -> list[str]:
        """Incidents that people know already and will acknowledge meanwhile."""
        most = int(_PATIENCE_SECONDS * ACKNOWLEDGEMENTS_A_SECOND)
        services = [f"known-{self.number}-{n}" for n in range(most)]
        await closed_loop([self.world.pager.target], RAISE, alerts(services), IN_FLIGHT)
        await self._rest()
        return services

    async def _acknowledged(self, services: list[str], over: asyncio.Event) -> list[float]:
        bodies, rate = acknowledgements(services), ACKNOWLEDGEMENTS_A_SECOND
        return [call.latency for call in await open_loop(self.world.pager.target, ACKNOWLEDGE, bodies, rate, over)]

    async def _letters(self, before: int) -> list[Letter]:
        """The e-mails of the storm, once all are there or nothing more can be hoped for; in order of arrival."""
        end = monotonic() + _PATIENCE_SECONDS
        letters: list[Letter] = []
        while len(letters) < 2 * self.count and monotonic() < end:
            await asyncio.sleep(_LOOK_SECONDS)
            letters = self._storm_letters(before)
        return letters

    def _storm_letters(self, before: int) -> list[Letter]:
        return [letter for letter in self.world.mail.letters(before) if letter.recipient.startswith("storm-")]

    def _count_letters(self, before: int) -> None:
        """Once the rooms are at rest: each address got one e-mail, or fewer, or more."""
        received = Counter(letter.recipient for letter in self._storm_letters(before))
        self.handed_over += len(received)
        self.doubled += received.total() - len(received)
        self.number += 1

    async def _rest(self) -> None:
        await until_calm(*(room.pid for room in self.world.rooms.values()))


def _service(number: int, n: int) -> str:
    return f"storm-{number}-{n:05d}"


def _addresses(n: int) -> list[str]:
    return [f"storm-{n:05d}-{who}@example.com" for who in ("first", "second")]


def _rows(rounds: Rounds, count: int) -> list[Row]:
    pages = f"{2 * count:,} pages of {count:,} services"
    seen = {
        "acknowledge_p99_ms": (f"acknowledgement during the storm of {pages}, p99", "ms", at_most(200)),
        "acknowledge_p50_ms": (f"acknowledgement during the storm of {pages}, p50", "ms", None),
        "accepted_seconds": (f"all {count:,} alerts answered after", "s", None),
        "handed_over_seconds": (f"all {2 * count:,} pages handed over after", "s", None),
    }
    ratio = Row(GOAL, f"{pages} handed over, pages/s ÷ empty calls/s", rounds.ratio("storm"), limit=at_least(0.5))
    rows = [ratio, Row(GOAL, f"{pages} handed over", rounds.figure("storm"), "pages/s")]
    return rows + [
        Row(GOAL, what, rounds.seen("storm", key), unit, limit=limit) for key, (what, unit, limit) in seen.items()
    ]
