"""Lists longer than a page: pages are asked for until the list ends or is long enough."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

Row = TypeVar("Row")
MAX_PAGE_SIZE = 1000


class Page(Protocol):
    """An answer of a list method."""

    @property
    def next_page_token(self) -> str:
        """Token of the next page; empty on the last."""


Answer = TypeVar("Answer", bound=Page)


async def rows_of(
    page: Callable[[int, str], Awaitable[Answer]], rows: Callable[[Answer], Sequence[Row]], limit: int | None = None
) -> tuple[list[Row], bool]:
    """At most ``limit`` rows, and whether there are more. ``page`` takes a page size and a page token."""
    found: list[Row] = []
    token = ""
    while True:
        size = MAX_PAGE_SIZE if limit is None else min(MAX_PAGE_SIZE, limit - len(found))
        answer = await page(size, token)
        found += rows(answer)
        token = answer.next_page_token
        if not token or (limit is not None and len(found) >= limit):
            return found, bool(token)
