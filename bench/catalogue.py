"""The questions, in the order in which they are asked and told."""

import importlib
from collections.abc import Awaitable, Callable, Sequence
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

    def may_take(self, *, quick: bool) -> float:
        """Seconds."""
        return self.quick_seconds if quick else self.seconds

    async def asked(self, effort: Effort) -> Answer:
        """The answer; whatever goes wrong is raised."""
        ask = cast("Callable[[Effort], Awaitable[Answer]]", importlib.import_module(self._module).ask)
        return await ask(effort)

    @property
    def _module(self) -> str:
        return f"bench.questions.{self.name}"


QUESTIONS = (
    Question("accept", 70, 14),
    Question("alone", 18, 8, has_goal=False),
    Question("interceptors", 35, 5),
    Question("stream", 70, 12),
    Question("page_out", 92, 13),
    Question("storm", 130, 12),
    Question("pending_timers", 130, 10),
    Question("lateness", 55, 8),
    Question("replicas", 40, 7),
    Question("memory", 70, 8),
    Question("overload", 45, 12, has_goal=False),
    Question("cold_start", 18, 4),
    Question("in_flight", 32, 10, has_goal=False),
    Question("resolve", 30, 4),
    Question("generators", 25, 10, has_goal=False),
    Question("pgbench", 28, 10, has_goal=False),
    Question("alertmanager", 12, 4, has_goal=False),
)


def seconds_for(asked: Sequence[Question], spent: float, *, quick: bool) -> float:
    """What the first of ``asked`` may take: its seconds, or less if the run has taken longer than it should so far.

    ``spent`` are the seconds that the questions before took beyond theirs; negative if they took less.
    """
    rest = sum(question.may_take(quick=quick) for question in asked)
    return asked[0].may_take(quick=quick) * max(0.0, min(1.0, (rest - spent) / rest))


def named(names: list[str], *, quick: bool) -> list[Question]:
    """The questions of these names; without names all, in a quick run those that have a goal."""
    if names:
        return [question for question in QUESTIONS if question.name in names]
    return [question for question in QUESTIONS if question.has_goal or not quick]
