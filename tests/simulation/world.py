"""One run of the simulated world: three nodes, callers, providers, faults; then peace, and the history of it all."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from dataclasses import dataclass
from itertools import count
from typing import Any

from builders import NOON
from simulation import disk
from simulation.chance import Chance
from simulation.checkers import violations
from simulation.composition import serve_pager, serve_policy, serving_notifier, simulated
from simulation.history import Fault, History
from simulation.moments import Bounds
from simulation.nemesis import Nemesis
from simulation.network import Network
from simulation.processes import Node
from simulation.providers import SimulatedProvider, may_put_off
from simulation.reading import read_ledger, read_store
from simulation.virtual_time import Stuck, VirtualTimeLoop
from simulation.workload import Callers

LONGEST_RUN_SECONDS = 1800.0
"""Quiet comes earlier, but for what is put off; an unanswered catch-all is given 15 minutes."""
_LONG_RUN_SECONDS = 2 * 3600.0
_OWED = "SELECT count(*) FROM notifications WHERE state = 'waiting'"
_DUE = "SELECT count(*) FROM incidents WHERE next_escalation_at IS NOT NULL"


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its history, what it breaks, and the faults and calls that it was made of."""

    seed: int
    history: History
    violations: list[str]
    happened: list[str]


class World:
    """Everything there is while one seed runs."""

    def __init__(self, seed: int, spared: frozenset[str] = frozenset()) -> None:
        self.chance = Chance(seed, spared)
        self.loop = VirtualTimeLoop(until=_LONG_RUN_SECONDS if _takes_long(self.chance) else LONGEST_RUN_SECONDS)
        self.context = copy_context()
        self.incident_numbers = count(1)
        self.faults: list[Fault] = []
        self.errors: list[str] = []
        self.network = Network(self)
        self.provider = SimulatedProvider(self)
        serve_notifier = serving_notifier(self.provider)
        self.nodes = {
            "pager": Node(self, "pager", disk.new_file("pager"), serve_pager),
            "policy": Node(self, "policy", disk.new_file("policy"), serve_policy),
            "notifier": Node(self, "notifier", disk.new_file("notifier"), serve_notifier),
        }
        self.callers = Callers(self)
        self._end_of_faults = 0.0

    def now(self) -> float:
        """Seconds since 1970, by the true clock that nobody in the world can see."""
        return NOON.timestamp() + self.loop.time()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Runs ``work`` outside of all nodes."""
        self.loop.create_task(work, context=self.context.copy())

    def later(self, seconds: float, what: Callable[[], Any]) -> None:
        """Calls ``what`` outside of all nodes."""
        self.loop.call_later(seconds, what, context=self.context)

    def fault(self, what: str, began: float, ended: float) -> None:
        """Something that histories excuse."""
        self.faults.append(Fault(what, began, ended))

    def fault_now(self, what: str) -> None:
        """A fault without duration."""
        self.fault(what, self.now(), self.now())

    def heard(self, error: str) -> None:
        """A room has logged an error."""
        self.errors.append(error)

    async def live(self) -> None:
        """The whole story."""
        for node in self.nodes.values():
            node.start()
        await asyncio.sleep(0.1)
        await self.callers.define_policies()
        self.chance.active = True
        nemesis = Nemesis(self)
        await asyncio.gather(self.callers.all_call(), nemesis.run())
        self.chance.active = False
        nemesis.make_peace()
        await self._quiet()

    async def _quiet(self) -> None:
        await asyncio.sleep(10)  # nothing is under way any more, and every node is back
        while self._busy():
            await asyncio.sleep(1)
        await asyncio.sleep(10)

    def _busy(self) -> bool:
        process = self.nodes["pager"].process
        if process is None or not process.connections:
            return True
        connection = process.connections[-1]._connection
        assert connection is not None, "a node at peace has its database"
        return any(connection.execute(query).fetchone()[0] for query in (_OWED, _DUE))

    def history(self) -> History:
        """What happened, and what the stores hold; all nodes are down."""
        return History(
            calls=self.callers.calls,
            hand_offs=self.provider.taken,
            faults=sorted(self.faults, key=lambda fault: fault.began),
            incidents=read_store(self.nodes["pager"].database),
            ledger=read_ledger(self.nodes["notifier"].database),
        )

    def end(self) -> None:
        """Nobody lives any more."""
        for node in self.nodes.values():
            if node.process is not None:
                process, node.process = node.process, None
                process.end()


def _takes_long(chance: Chance) -> bool:
    """By an hour, or again and again."""
    knobs = chance.knobs
    return may_put_off(chance) or bool(knobs.interventions or knobs.windows or knobs.forgetful)


def run(seed: int, spared: frozenset[str] = frozenset()) -> Outcome:
    """Runs one seed. The same arguments give the same outcome."""
    random.seed(seed)  # the jitter of the rooms
    world = World(seed, spared)
    found = []
    with simulated(world.chance.knobs):
        try:
            world.loop.run_until_complete(world.live())
        except Stuck as stuck:
            found.append(f"STUCK {stuck}")
        world.end()
        world.loop.close()
    history = world.history()
    knobs = world.chance.knobs
    bounds = Bounds(burst=knobs.burst, interval=knobs.message_seconds)
    found += violations(history, bounds) + [f"ERROR {error}" for error in world.errors]
    return Outcome(seed, history, found, world.chance.happened)
