"""The questions, in the order in which they are asked and told."""

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from bench.answer import Answer
from bench.effort import Effort


@dataclass(frozen=True, slots=True)
class Question:
    """A module of `bench/questions`: the first line of its docstring asks, its ``ask`` answers."""

    name: str

    @property
    def words(self) -> str:
        """What is asked."""
        return (importlib.import_module(self._module).__doc__ or "").partition("\n")[0]

    @property
    def explanation(self) -> str:
        """How it is measured; may be empty."""
        return (importlib.import_module(self._module).__doc__ or "").partition("\n")[2].strip()

    async def asked(self, effort: Effort) -> Answer:
        """The answer; whatever goes wrong is raised."""
        ask = cast("Callable[[Effort], Awaitable[Answer]]", importlib.import_module(self._module).ask)
        return await ask(effort)

    @property
    def _module(self) -> str:
        return f"bench.questions.{self.name}"


QUESTIONS = tuple(
    map(
        Question,
        (
            "accept",
            "alone",
            "interceptors",
            "stream",
            "page_out",
            "storm",
            "pending_timers",
            "lateness",
            "replicas",
            "memory",
            "cold_start",
            "in_flight",
            "generators",
            "pgbench",
            "alertmanager",
        ),
    )
)
