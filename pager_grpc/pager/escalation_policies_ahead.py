"""Other policies, asked while the alert that makes it necessary is being committed."""

import asyncio
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeAlias

from pager_domain.pager.model import EscalationPolicy
from pager_domain.pager.ports.escalation_policy_repository import EscalationPolicyRepository, NoPolicy, PolicyQuestion

VALID_SECONDS = 1.0
"""An answer to a question that was asked longer ago is not believed: people may have changed places since."""
_MOST = 200
"""So many questions are kept at once; what is more is asked when it is needed."""

Answers: TypeAlias = list[EscalationPolicy | NoPolicy]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question of some that were asked together ``at`` a moment of the loop's clock."""

    at: float
    answers: asyncio.Task[Answers]
    number: int


class AskedAhead(EscalationPolicyRepository):
    """``policies``; an answer that was asked for ahead is used once, and nobody need use it.

    An async context manager that owns the questions under way.
    """

    def __init__(self, policies: EscalationPolicyRepository) -> None:
        self._policies = policies
        self._asked: dict[PolicyQuestion, _Asked] = {}
        self._asking: set[asyncio.Task[Answers]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asking = list(self._asking)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    def ask_ahead(self, questions: Sequence[PolicyQuestion]) -> None:
        """In a task of its own, which belongs to no trace."""
        self._forget_what_is_old()
        if len(self._asked) + len(questions) > _MOST:
            return
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._policies.resolve(questions), context=Context())
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        for number, question in enumerate(questions):
            self._asked[question] = _Asked(loop.time(), task, number)

    async def resolve(self, questions: Sequence[PolicyQuestion]) -> Answers:
        """As the policies; what was not asked ahead is asked now."""
        self._forget_what_is_old()
        ahead = {question: self._asked.pop(question) for question in set(questions) & self._asked.keys()}
        rest = [question for question in questions if question not in ahead]
        now = iter(await self._policies.resolve(rest) if rest or not questions else ())
        return [await _answer(ahead[question]) if question in ahead else next(now) for question in questions]

    def _forget_what_is_old(self) -> None:
        """The oldest stand first."""
        oldest = asyncio.get_running_loop().time() - VALID_SECONDS
        while self._asked and (first := next(iter(self._asked.items())))[1].at < oldest:
            del self._asked[first[0]]


async def _answer(asked: _Asked) -> EscalationPolicy | NoPolicy:
    """Whoever waits for it and goes away leaves it to the others."""
    return (await asyncio.shield(asked.answers))[asked.number]
