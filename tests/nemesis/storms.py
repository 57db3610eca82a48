"""Storms of faults and the calm between them, drawn from a seed."""

import asyncio
import random
import time
from collections.abc import Iterator

from nemesis.cluster import Cluster
from nemesis.faults import Kind, broken, catalogue
from simulation.history import Fault

CALM_SECONDS = 18.0
"""Longer than the bound of recovery, so that a whole recovery is seen."""


class Storms:
    """Draws faults; every kind happens once before one happens again. ``only``: those whose name contains it."""

    def __init__(self, cluster: Cluster, chance: random.Random, only: str = "") -> None:
        self._cluster, self._chance, self._only = cluster, chance, only
        self._deck = self._shuffled()
        self.faults: list[Fault] = []
        self.kinds: list[str] = []
        self.active: list[str] = []

    async def rage(self, seconds: float) -> None:
        """Storms until so much time is over, and ends with a calm."""
        end = time.monotonic() + seconds
        while time.monotonic() < end - CALM_SECONDS:
            async with asyncio.TaskGroup() as storm:
                for kind in self._drawn(1 if self._only else self._chance.choice((1, 1, 2, 2, 3, 4))):
                    storm.create_task(self._happen(kind))
            await asyncio.sleep(CALM_SECONDS if self._chance.random() < 0.7 else 1)

    def _drawn(self, count: int) -> list[Kind]:
        places: set[str] = set()
        drawn = []
        while len(drawn) < count:
            kind = next(self._deck)
            if kind.place not in places:
                places.add(kind.place)
                drawn.append(kind)
        return drawn

    def _shuffled(self) -> Iterator[Kind]:
        while True:
            kinds = [kind for kind in catalogue(small_disk=self._cluster.small_disk) if self._only in kind.name]
            self._chance.shuffle(kinds)
            yield from kinds

    async def _happen(self, kind: Kind) -> None:
        await asyncio.sleep(self._chance.uniform(0, 4))
        began = time.time()
        async with broken(kind.fault, self._cluster, self._chance) as what:
            self.active.append(what)
            await asyncio.sleep(self._chance.uniform(kind.shortest, kind.longest))
        self.active.remove(what)
        self.kinds.append(kind.name)
        self.faults.append(Fault(what, began, time.time()))
