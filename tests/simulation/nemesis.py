"""Faults that last: crashes out of nowhere, polite stops, partitions, and clocks that are set."""

import asyncio
from typing import TYPE_CHECKING

from simulation.network import REFUSING, SILENT

if TYPE_CHECKING:
    from simulation.world import World

_NODES = ("pager", "policy", "notifier")
_LINKS = ("pager to policy", "pager to notifier", "caller to pager")
_MOST_OF_A_KIND = 3


class Nemesis:
    """Does up to three times each what the run's seed allows, within the run's seconds."""

    def __init__(self, world: "World") -> None:
        self._world, self._chance = world, world.chance
        self._clocks_wrong_by = 0

    async def run(self) -> None:
        """Until the time of faults is over."""
        acts = {"crash": self._crash, "stop": self._stop, "partition": self._partition, "clock": self._clock}
        for kind, act in acts.items():
            dice = self._chance.stream(f"nemesis {kind}")
            times = dice.randint(1, _MOST_OF_A_KIND) if self._chance.rate(kind) else 0
            for _ in range(times):
                at, where, span = dice.uniform(0, self._chance.knobs.seconds), dice.random(), dice.random()
                if self._chance.strikes(f"nemesis {kind}"):
                    self._world.later(at, lambda act=act, where=where, span=span: act(where, span))
        await asyncio.sleep(self._chance.knobs.seconds)

    def make_peace(self) -> None:
        """Links carry again, clocks are right, dead nodes come back by themselves."""
        self._world.network.cut.clear()
        for node in self._world.nodes.values():
            node.clock.wrong_by = 0.0

    def _crash(self, where: float, span: float) -> None:
        self._world.nodes[_NODES[int(where * len(_NODES))]].crash("crash")

    def _stop(self, where: float, span: float) -> None:
        self._world.nodes[_NODES[int(where * len(_NODES))]].stop()

    def _partition(self, where: float, span: float) -> None:
        link, seconds = _LINKS[int(where * len(_LINKS))], 1 + span * 15
        how = SILENT if span < 0.5 else REFUSING
        self._world.network.cut[link] = how
        self._world.fault(f"{how} partition: {link}", self._world.now(), self._world.now() + seconds)
        self._world.later(seconds, lambda: self._world.network.cut.pop(link, None))

    def _clock(self, where: float, span: float) -> None:
        """Set forward or back, and right again later; what was due by the wrong clock comes that much later.

        What happens meanwhile is noted with moments of the wrong clock, so that it may look like before the fault.
        """
        node, jump = self._world.nodes[("pager", "notifier")[int(where * 2)]], (-60, -12, -2, 2, 12, 60)[int(span * 6)]
        node.clock.wrong_by = float(jump)
        self._clocks_wrong_by += abs(jump)
        seconds = 1 + where * 10
        ended = self._world.now() + seconds + self._clocks_wrong_by
        began = self._world.now() - self._clocks_wrong_by
        self._world.fault(f"clock of {node.name} {jump:+} s", began, ended)

        def right_again() -> None:
            node.clock.wrong_by = 0.0

        self._world.later(seconds, right_again)
