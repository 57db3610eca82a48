"""The questions, in the order in which they are asked and told."""

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from bench.answer import Answer
from bench.effort import Effort


@dataclass(frozen=True, slots=True)
class Question:
    """A module of `bench/questions`: the first line of its docstring asks, its ``ask`` answers.

    ``seconds`` are what it may take of `make bench`, ``quick_seconds`` of `make bench-quick`: on a slow machine it has
    fewer rounds. A question without a goal is not asked by `make bench-quick` unless it is named.
    """

    name: str
    seconds: float
    quick_seconds: float
    has_goal: bool = True

    @property
    def words(self) -> str:
        """What is asked."""
        return (importlib.import_module(self._module).__doc__ or "").partition("\n")[0]

    @property
    def explanation(self) -> str:
        """How it is measured; may be empty."""
        return (importlib.import_module(self._module).__doc__ or "").partition("\n")[2].strip()

    def effort(self, *, quick: bool) -> Effort:
        """From now on."""
        return Effort(quick, self.quick_seconds if quick else self.seconds)

    async def asked(self, effort: Effort) -> Answer:
        """The answer; whatever goes wrong is raised."""
        ask = cast("Callable[[Effort], Awaitable[Answer]]", importlib.import_module(self._module).ask)
        return await ask(effort)

    @property
    def _module(self) -> str:
        return f"bench.questions.{self.name}"


QUESTIONS = (
    Question("accept", 75, 14),
    Question("alone", 20, 8, has_goal=False),
    Question("interceptors", 40, 7),
    Question("stream", 75, 12),
    Question("page_out", 105, 18),
    Question("storm", 130, 20),
    Question("pending_timers", 160, 12),
    Question("lateness", 55, 10),
    Question("replicas", 45, 9),
    Question("memory", 60, 13),
    Question("cold_start", 20, 5),
    Question("in_flight", 35, 10, has_goal=False),
    Question("generators", 30, 10, has_goal=False),
    Question("pgbench", 30, 10, has_goal=False),
    Question("alertmanager", 15, 4, has_goal=False),
)


def named(names: list[str], *, quick: bool) -> list[Question]:
    """The questions of these names; without names all, in a quick run those that have a goal."""
    if names:
        return [question for question in QUESTIONS if question.name in names]
    return [question for question in QUESTIONS if question.has_goal or not quick]
