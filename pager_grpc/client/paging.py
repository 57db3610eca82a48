"""Lists longer than a page: pages are asked for while somebody reads on."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar, get_args

from pager_grpc.client.calling import Caller
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

Row = TypeVar("Row")
ServiceState = Literal["healthy", "unhealthy"]
IncidentState = Literal["open", "acknowledged", "resolved"]
MAX_PAGE_SIZE = 1000


class Page(Protocol):
    """An answer of a list method."""

    @property
    def next_page_token(self) -> str:
        """Token of the next page; empty on the last."""


Answer = TypeVar("Answer", bound=Page)


class ListMethod(Protocol[Answer]):  # type: ignore[misc]  # bound, so neither co- nor contravariant
    """A method of a stub that lists."""

    def __call__(self, request: Any, *, timeout: float | None = None) -> Awaitable[Answer]:
        """Asks for one page."""


@dataclass(frozen=True, slots=True)
class Pages(Generic[Answer, Row]):
    """The answer to ``request``, in pages; ``found`` takes the rows out of one."""

    caller: Caller
    method: ListMethod[Answer]
    request: Any
    found: Callable[[Answer], Sequence[Row]]

    async def rows(self) -> AsyncGenerator[Row, None]:
        """Every row.

        Raises:
            PagerError: a page could not be had.
        """
        request = type(self.request)()
        request.CopyFrom(self.request)
        request.page_size = MAX_PAGE_SIZE
        while True:
            page = await self.caller.read(self.method, request)
            for row in self.found(page):
                yield row
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def service_states(states: Sequence[ServiceState]) -> list[pb.MonitoredService.State.ValueType]:
    """``states`` on the wire."""
    return [pb.MonitoredService.State.Value(f"STATE_{_known(state, ServiceState).upper()}") for state in states]


def incident_states(states: Sequence[IncidentState]) -> list[pb.Incident.State.ValueType]:
    """``states`` on the wire."""
    return [pb.Incident.State.Value(f"STATE_{_known(state, IncidentState).upper()}") for state in states]


def _known(word: str, words: Any) -> str:
    if word not in get_args(words):
        raise ValueError(f"state must be one of {', '.join(get_args(words))}, not {word!r}")
    return word
