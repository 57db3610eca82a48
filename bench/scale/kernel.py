"""A discrete-event kernel of four things that can be waited for: time, processors, a log that is synced, locks.

A process is a generator that yields what it waits for. Seconds are virtual; nothing here knows of pagers.
"""

import heapq
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable
from functools import partial
from itertools import count
from typing import TypeAlias

Resume: TypeAlias = Callable[[], None]
Waiting: TypeAlias = Callable[[Resume], None]
"""Takes what is to be called when the waiting is over."""
Process: TypeAlias = Generator[Waiting, None, None]


class Timeline:
    """Virtual time and what is still to come."""

    def __init__(self) -> None:
        self.now = 0.0
        self._order = count()
        self._coming: list[tuple[float, int, Resume]] = []

    def at(self, moment: float, call: Resume) -> None:
        """``call`` at ``moment``; calls of one moment in the order in which they were asked for."""
        heapq.heappush(self._coming, (moment, next(self._order), call))

    def start(self, process: Process) -> None:
        """Runs ``process`` until it waits, and on whenever it may."""
        waiting = next(process, None)
        if waiting is not None:
            waiting(lambda: self.start(process))

    def pause(self, seconds: float) -> Waiting:
        """Just time."""
        return lambda resume: self.at(self.now + seconds, resume)

    def run(self, until: float) -> None:
        """Lets happen what happens up to ``until``."""
        while self._coming and self._coming[0][0] <= until:
            self.now, _, call = heapq.heappop(self._coming)
            call()
        self.now = until


class Processors:
    """``number`` that serve in the order of asking, ``urgent`` work first; ``busy`` is the time they have worked."""

    def __init__(self, timeline: Timeline, number: int) -> None:
        self._timeline = timeline
        self._idle = number
        self._urgent: deque[tuple[float, Resume]] = deque()
        self._waiting: deque[tuple[float, Resume]] = deque()
        self.number = number
        self.busy = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether none of them has anything to do."""
        return self._idle == self.number

    def work(self, seconds: float, *, urgent: bool = False) -> Waiting:
        """Until one of them has done so much."""

        def asked(resume: Resume) -> None:
            (self._urgent if urgent else self._waiting).append((seconds, resume))
            self._serve()

        return asked

    def _serve(self) -> None:
        while self._idle and (self._urgent or self._waiting):
            seconds, resume = (self._urgent or self._waiting).popleft()
            self._idle -= 1
            self._timeline.at(self._timeline.now + seconds, partial(self._served, seconds, resume))

    def _served(self, seconds: float, resume: Resume) -> None:
        self._idle += 1
        self.busy += seconds
        self._serve()
        resume()


class Log:
    """A log on a disk: a sync takes ``sync`` seconds and serves whoever asked before it began, unless ``serial``.

    ``serial``: each has a sync of its own. PostgreSQL lets commits share one, but not those that NOTIFY: they hold a
    lock of the whole server until they have ended.
    """

    def __init__(self, timeline: Timeline, sync: float, bytes_per_second: float, *, serial: bool) -> None:
        self._timeline = timeline
        self._sync = sync
        self._per_byte = 1 / bytes_per_second
        self._serial = serial
        self._begins = self._ends = 0.0
        self.syncs = 0
        self.busy = 0.0

    def synced(self, size: float) -> Waiting:
        """Until ``size`` bytes are on the disk."""

        def asked(resume: Resume) -> None:
            joins = self._timeline.now < self._begins and not self._serial
            takes = size * self._per_byte + (0 if joins else self._sync)
            if not joins:
                self._begins = self._ends = max(self._timeline.now, self._ends)
                self.syncs += 1
            self._ends += takes
            self.busy += takes
            self._timeline.at(self._ends, resume)

        return asked


class Locks:
    """One for each key, handed on in the order of asking; ``held`` is for how long each was."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._queues: dict[Hashable, deque[Resume]] = {}
        self._since: dict[Hashable, float] = {}
        self.held: dict[Hashable, float] = {}

    def taken(self, key: Hashable) -> Waiting | None:
        """None if it was free and is ours now, else what to wait for."""
        queue = self._queues.get(key)
        if queue is None:
            self._queues[key] = deque()
            self._since[key] = self._timeline.now
            return None
        return queue.append

    def give_back(self, keys: Iterable[Hashable]) -> None:
        """Each goes to whoever waits first."""
        now = self._timeline.now
        for key in keys:
            self.held[key] = self.held.get(key, 0.0) + now - self._since[key]
            self._since[key] = now
            if queue := self._queues[key]:
                queue.popleft()()
            else:
                del self._queues[key]
