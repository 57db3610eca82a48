"""The machine's clock, for rooms on SQLite; on PostgreSQL the database's clock is used."""

from datetime import UTC, datetime

from pager_domain.kernel import Clock


class SystemClock(Clock):
    """The wall clock in UTC."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)
