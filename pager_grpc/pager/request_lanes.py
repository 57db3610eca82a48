"""The lanes of requests that change something: each shares commits, and words its answers while they are committed."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from pager_domain.errors import DomainError
from pager_domain.pager.application import PagerApplicationService
from pager_domain.pager.model import Answer, Request
from pager_grpc.pager.measured import Measured
from pager_grpc.pager.spans import committing
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.group_commit import GroupCommit
from pager_grpc.runtime.tracing import Tracing

MAX_BATCH = 256
REST = 3.0
"""After a shared batch of alerts: see docs/decisions/0006."""

Response = TypeVar("Response")


@dataclass(slots=True)
class Asked:
    """A request, and ``respond``, which puts its answer into words, for those who need more than the answer."""

    request: Request
    respond: Callable[[Answer], Any] | None = None
    foreseen: tuple[Answer, Any] | None = None
    """The answer if the commit that is under way stands, and its words."""


class RequestLane:
    """Requests of one kind in shared commits, see :class:`GroupCommit`."""

    def __init__(self, group: GroupCommit[Asked, Answer]) -> None:
        self._group = group

    @property
    def has_room(self) -> bool:
        """Whether the next shared commit is not full yet."""
        return self._group.has_room

    async def submit(self, request: Request) -> Answer:
        """What ``request`` did, once it is durable.

        Raises:
            DomainError: it was refused, or the store was unavailable.
        """
        return await self._group.submit(Asked(request))

    async def submit_all(self, requests: Sequence[Request]) -> Sequence[Answer | DomainError]:
        """What each of ``requests`` did, in their order, once all are durable. Raises ``StoreUnavailable``."""
        return await self._group.submit_all([Asked(request) for request in requests])

    async def answered(self, request: Request, respond: Callable[[Answer], Response]) -> tuple[Answer, Response]:
        """As ``submit``, with what ``respond`` makes of the answer, which it is given before that is durable, too."""
        asked = Asked(request, respond)
        answer = await self._group.submit(asked)
        if asked.foreseen is not None and asked.foreseen[0] is answer:  # and not that of a try that lost
            return answer, asked.foreseen[1]
        return answer, respond(answer)

    async def run(self) -> None:
        """Commits until cancelled."""
        await self._group.run()


@dataclass(frozen=True, slots=True)
class RequestLanes:
    """Answers (acknowledgements and healthy events) do not queue behind a storm of alerts."""

    alerts: RequestLane
    answers: RequestLane


def request_lanes(
    application: PagerApplicationService, database: Database, tracing: Tracing | None, measured: Measured
) -> RequestLanes:
    """The lanes over ``application``, whose batches are tried again while they lose to other replicas."""

    async def commit(batch: Sequence[Asked]) -> list[Answer | DomainError]:
        async def handling(requests: Sequence[Request]) -> list[Answer | DomainError]:
            return await database.retrying(partial(application.handle, requests, partial(_prepare_meanwhile, batch)))

        return await committing(handling, tracing)([asked.request for asked in batch])

    alerts, answers = (measured.commit(lane, commit) for lane in ("alerts", "answers"))
    return RequestLanes(
        RequestLane(GroupCommit(alerts, MAX_BATCH, rest=REST)), RequestLane(GroupCommit(answers, MAX_BATCH))
    )


def _prepare_meanwhile(batch: Sequence[Asked], results: Sequence[Answer | DomainError]) -> None:
    """Once the event loop waits for the commit: it would be idle, and all at once cost less than one by one."""
    asyncio.get_running_loop().call_soon(_prepare, batch, results)


def _prepare(batch: Sequence[Asked], results: Sequence[Answer | DomainError]) -> None:
    for asked, result in zip(batch, results, strict=True):
        if asked.respond is not None and isinstance(result, Answer):
            with suppress(Exception):  # it is worded again for who asked, who hears of it then
                asked.foreseen = result, asked.respond(result)
