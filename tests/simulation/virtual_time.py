"""An event loop in virtual time: nobody sleeps, and the same run happens again to the callback.

When nothing is ready the clock jumps to the next timer. What an executor would do is done at once. There are no sockets
and no threads, so the order of all callbacks follows from the code alone.

Every callback belongs to the :class:`Owner` in whose context it was scheduled. When an owner has died nothing of it
runs any more: its tasks stay where they are, without any cleanup, as those of a killed process.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from itertools import count
from typing import Any


class Owner:
    """A process of the simulated world, until it dies."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True


OWNER: ContextVar[Owner | None] = ContextVar("OWNER", default=None)


class Stuck(AssertionError):
    """The run cannot end: nothing will ever happen again, time is used up, or time stands still."""


class VirtualTimeLoop(asyncio.AbstractEventLoop):
    """``until`` bounds the virtual time of a run in seconds, ``at_once`` the callbacks within one moment of it."""

    def __init__(self, *, until: float = 86_400.0, at_once: int = 50_000) -> None:
        self._now, self._until, self._at_once = 0.0, until, at_once
        self._ready: deque[tuple[asyncio.Handle, Callable[[], Any], Owner | None]] = deque()
        self._timers: list[tuple[float, int, asyncio.Handle, Callable[[], Any], Owner | None]] = []
        self._numbers = count()
        self._of_this_moment = 0
        self.tasks: list[asyncio.Task[Any]] = []
        self.unheard: list[dict[str, Any]] = []
        self._running = self._closed = False

    def time(self) -> float:
        return self._now

    def call_soon(self, callback, *args, context=None):
        context = copy_context() if context is None else context  # an empty one is false
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append((handle, lambda: context.run(callback, *args), context.get(OWNER)))
        return handle

    call_soon_threadsafe = call_soon

    def call_later(self, delay, callback, *args, context=None):
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(self, when, callback, *args, context=None):
        context = copy_context() if context is None else context  # an empty one is false
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        entry = (when, next(self._numbers), handle, lambda: context.run(callback, *args), context.get(OWNER))
        heapq.heappush(self._timers, entry)
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, Any], *, name: Any = None, context: Context | None = None) -> Any:
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self.tasks.append(task)  # a task of a dead owner must not be collected, which would run its cleanup
        return task

    def run_in_executor(self, executor, func, *args):
        """Inline: a thread would finish whenever it likes."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whoever awaits the future gets it
            future.set_exception(error)
        return future

    def run_until_complete(self, future: Any) -> Any:
        """What ``future`` returns.

        Raises:
            Stuck: it can never end.
        """
        task = asyncio.ensure_future(future, loop=self)
        self._running = True
        asyncio._set_running_loop(self)
        try:
            while not task.done():
                self._turn()
        finally:
            asyncio._set_running_loop(None)
            self._running = False
        return task.result()

    def _turn(self) -> None:
        if not self._ready:
            self._jump()
        handle, run, owner = self._ready.popleft()
        self._of_this_moment += 1
        if self._of_this_moment > self._at_once:
            raise Stuck(f"time stands still at {self._now:.3f} s: {handle}")
        if not handle.cancelled() and (owner is None or owner.alive):
            run()

    def _jump(self) -> None:
        while self._timers:
            when, _, handle, run, owner = heapq.heappop(self._timers)
            if handle.cancelled() or (owner is not None and not owner.alive):
                continue
            if when > self._until:
                raise Stuck(f"{self._until:g} s of virtual time are over: {self._waiting()}")
            if when > self._now:
                self._now, self._of_this_moment = when, 0
            self._ready.append((handle, run, owner))
            return
        raise Stuck(f"nothing will ever happen again: {self._waiting()}")

    def _waiting(self) -> str:
        names = [task.get_coro().__qualname__ for task in self.tasks if not task.done()]  # type: ignore[union-attr]
        return ", ".join(names[:20])

    def close(self) -> None:
        """Lets go of all tasks; those that have not ended are closed where nobody hears of it any more."""
        self._closed = True
        self._ready.clear()
        self._timers.clear()
        for task in self.tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                with suppress(BaseException):
                    task.get_coro().close()  # type: ignore[union-attr]
        self.tasks.clear()

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return self._running

    def is_closed(self) -> bool:
        return self._closed

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are passed over when their time has come."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.unheard.append(context)

    default_exception_handler = call_exception_handler
