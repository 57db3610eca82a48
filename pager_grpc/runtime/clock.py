"""The machine's clock, for rooms on SQLite; on PostgreSQL the database's clock is used."""

from datetime import UTC, datetime

from pager_domain.kernel import Clock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Where the moments of protobuf and of page tokens are counted from."""


class SystemClock(Clock):
    """The wall clock in UTC."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)
