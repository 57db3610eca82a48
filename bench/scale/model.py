"""Pagers in front of databases, as queues: who waits for what, for how long, and what is busy first.

A cell is one database with its replicas; a service belongs to one cell. In a replica one interpreter reads calls,
builds batches and answers; the event loop takes in one call a turn, so that a batch waits for the call in hand and not
for all that have come. One batch is under way at a time, and what arrives meanwhile shares the next one (group commit);
after a batch of more than one message that begins when the interpreter has nothing more on its way (decision 6).
A batch locks the services that it repeats, in order, until it has committed.
"""

import random
from bisect import bisect
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from bench.scale.costs import Costs, Load
from bench.scale.kernel import Locks, Log, Process, Processors, Timeline
from bench.scale.scenario import Machines, Seen, Traffic

MAX_BATCH = 256
REST = 3.0
"""Both as ``pager_grpc/pager/request_lanes.py`` has them."""
STEPS = 6
"""Round trips of a batch: BEGIN, lock, incidents and time, known answers, one write, COMMIT (decision 13)."""


class _Notes:
    """What is counted after the warm-up."""

    def __init__(self) -> None:
        self.counting = False
        self.answered = self.asked = self.batches = self.lines = 0
        self.wal_bytes = 0.0
        self.latencies: list[float] = []


@dataclass(slots=True)
class _Message:
    """On its way: the services that it repeats, how many incidents it opens, and when it came."""

    came: float
    repeats: Sequence[int]
    opening: int
    answered: Callable[[], None]

    @property
    def alerts(self) -> int:
        return len(self.repeats) + self.opening


class Cell:
    """One database: its processors, its log, the locks on its rows."""

    def __init__(self, timeline: Timeline, machines: Machines) -> None:
        self.timeline = timeline
        self.machines = machines
        self.processors = Processors(timeline, machines.database_processors)
        self.log = Log(timeline, machines.sync, machines.log_bandwidth, serial=machines.notifies)
        self.locks = Locks(timeline)


class Replica:
    """One pager process."""

    def __init__(self, cell: Cell, costs: Costs, traffic: Traffic, notes: _Notes) -> None:
        self._cell, self._costs, self._traffic, self._notes = cell, costs, traffic, notes
        self.interpreter = Processors(cell.timeline, 1)
        self._call = costs.call if traffic.message == 1 else 0.0  # the cost of a message is in that of its batch
        self._waiting: deque[_Message] = deque()
        self._committing = False
        self._rested = 0.0

    def take(self, message: _Message) -> None:
        """A message has come."""
        self._notes.asked += message.alerts if self._notes.counting else 0
        self._cell.timeline.start(self._read(message))

    def _read(self, message: _Message) -> Process:
        yield self.interpreter.work(self._call / 2)
        self._waiting.append(message)
        if not self._committing:
            self._committing = True
            self._cell.timeline.start(self._commit())

    def _commit(self) -> Process:
        while self._waiting:
            yield from self._calm()
            batch, begun = self._gathered(), self._cell.timeline.now
            yield from self._transaction(batch)
            now = self._cell.timeline.now
            self._rested = now + (REST * (now - begun) if len(batch) > 1 else 0)
            for message in batch:
                self._cell.timeline.start(self._answer(message))
        self._committing = False

    def _calm(self) -> Process:
        """Lets the interpreter do what it has to do, as long as a rest lasts."""
        while not self.interpreter.is_idle and self._cell.timeline.now < self._rested:
            if sum(message.alerts for message in self._waiting) >= MAX_BATCH:
                return
            yield self.interpreter.work(0)

    def _gathered(self) -> list[_Message]:
        batch = [self._waiting.popleft()]
        alerts = batch[0].alerts
        while self._waiting and alerts + self._waiting[0].alerts <= MAX_BATCH:
            batch.append(self._waiting.popleft())
            alerts += batch[-1].alerts
        return batch

    def _transaction(self, batch: Sequence[_Message]) -> Process:
        services = sorted({service for message in batch for service in message.repeats})
        load = Load(
            alerts=sum(message.alerts for message in batch),
            opening=sum(message.opening for message in batch),
            repeated_services=len(services),
            with_request_ids=self._traffic.with_request_ids,
        )
        cell = self._cell
        for step in range(STEPS):
            yield self.interpreter.work(self._costs.pager.of(load) / STEPS, urgent=True)
            yield cell.timeline.pause(cell.machines.round_trip)
            yield cell.processors.work(self._costs.database.of(load) / STEPS)
            if step == 1:
                for service in services:
                    if (waiting := cell.locks.taken(service)) is not None:
                        yield waiting
        yield cell.log.synced(self._costs.wal.of(load))
        cell.locks.give_back(services)
        if self._notes.counting:
            self._notes.batches += 1
            self._notes.lines += len(services) + load.opening
            self._notes.wal_bytes += self._costs.wal.of(load)

    def _answer(self, message: _Message) -> Process:
        yield self.interpreter.work(self._call / 2)
        if self._notes.counting:
            self._notes.answered += message.alerts
            self._notes.latencies.append(self._cell.timeline.now - message.came)
        message.answered()


@dataclass(frozen=True, slots=True)
class _Lane:
    """Replicas that take the same services: those of a cell, or one of them if alerts are sticky."""

    replicas: Sequence[Replica]
    share: float
    services: Sequence[int]
    cumulated: Sequence[float]


class _World:
    """Cells, their replicas, and what comes to them."""

    def __init__(self, machines: Machines, traffic: Traffic, costs: Costs, seed: int) -> None:
        self.timeline = Timeline()
        self.notes = _Notes()
        self.cells = [Cell(self.timeline, machines) for _ in range(machines.cells)]
        self.replicas = [
            [Replica(cell, costs, traffic, self.notes) for _ in range(machines.replicas // machines.cells)]
            for cell in self.cells
        ]
        self._traffic = traffic
        self._chance = random.Random(seed)  # noqa: S311 - the same for everybody who asks again
        alone = [[replica] for each in self.replicas for replica in each]
        self._lanes = _lanes(alone if machines.sticky else self.replicas, traffic)

    def begin(self) -> None:
        """Starts what comes."""
        for lane in self._lanes:
            if self._traffic.in_flight is None:
                self.timeline.start(self._arrivals(lane))
                continue
            for replica in lane.replicas:
                for _ in range(self._traffic.in_flight):
                    self._call_again(replica, lane)

    def _call_again(self, replica: Replica, lane: _Lane) -> None:
        replica.take(self._message(lane, lambda: self._call_again(replica, lane)))

    def _arrivals(self, lane: _Lane) -> Process:
        traffic = self._traffic
        instants = traffic.rate * lane.share / traffic.message / traffic.burst
        while True:
            yield self.timeline.pause(self._chance.expovariate(instants))
            for _ in range(traffic.burst):
                self._chance.choice(lane.replicas).take(self._message(lane, lambda: None))

    def _message(self, lane: _Lane, answered: Callable[[], None]) -> _Message:
        chance, last = self._chance, len(lane.services) - 1
        opening = sum(chance.random() < self._traffic.new for _ in range(self._traffic.message))
        repeats = [
            lane.services[bisect(lane.cumulated, chance.random() * lane.cumulated[-1], hi=last)]
            for _ in range(self._traffic.message - opening)
        ]
        return _Message(self.timeline.now, repeats, opening, answered)


def _lanes(replicas: Sequence[Sequence[Replica]], traffic: Traffic) -> list[_Lane]:
    """Services are dealt in turn; each lane has the share of the alerts that its services have."""
    weights = [1 / number**traffic.zipf for number in range(1, traffic.services + 1)]
    total, found = sum(weights), []
    for number, those in enumerate(replicas):
        services = range(number, traffic.services, len(replicas)) or range(1)
        cumulated = list(accumulate(weights[service] for service in services))
        share = traffic.new / len(replicas) + (1 - traffic.new) * cumulated[-1] / total
        found.append(_Lane(those, share, services, cumulated))
    return found


def simulated(
    machines: Machines, traffic: Traffic, costs: Costs, *, seconds: float = 1.0, warm: float = 0.5, seed: int = 1
) -> Seen:
    """Lets ``traffic`` come for ``warm`` and then ``seconds`` more, in which is counted what is answered."""
    world = _World(machines, traffic, costs, seed)
    world.begin()
    world.timeline.run(warm)
    world.notes.counting = True
    before = _busy(world)
    syncs = sum(cell.log.syncs for cell in world.cells)
    world.timeline.run(warm + seconds)
    notes = world.notes
    busy = Counter(_busy(world))
    busy.subtract(before)
    return Seen(
        seconds=seconds,
        answered=notes.answered,
        asked=notes.asked,
        latencies=notes.latencies or [seconds],
        batches=notes.batches,
        lines=notes.lines,
        wal_bytes=notes.wal_bytes,
        syncs=sum(cell.log.syncs for cell in world.cells) - syncs,
        busy={name: min(1.0, worked / seconds) for name, worked in busy.items()},
    )


def _busy(world: _World) -> dict[str, float]:
    """Seconds of work so far of the busiest of each kind; of a service, those in which it is locked by a batch."""
    return {
        "interpreter": max(replica.interpreter.busy for each in world.replicas for replica in each),
        "database processors": max(cell.processors.busy / cell.processors.number for cell in world.cells),
        "log": max(cell.log.busy for cell in world.cells),
        "hottest service": max(max(cell.locks.held.values(), default=0.0) for cell in world.cells),
    }
