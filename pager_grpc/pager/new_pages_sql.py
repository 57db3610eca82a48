"""Pages that a unit of work makes: nobody sees them before its commit, so they are stored as they will be by then."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from pager_domain.pager.events import NotificationId
from pager_domain.pager.notification import Notification
from pager_domain.pager.ports.notification_outbox import Claim
from pager_grpc.pager import notification_claims_sql, page_rows
from pager_grpc.pager.notification_claims_sql import with_trace_of
from pager_grpc.pager.rows import Row
from pager_grpc.pager.sealing import Sealing
from pager_grpc.pager.tables import NotificationRow, table_of
from pager_grpc.runtime.bulk import Writes
from pager_grpc.runtime.database import Database

NOTIFICATIONS = table_of(NotificationRow)


@dataclass
class NewPages:
    """Pages that wait for the commit, some of them claimed."""

    sealing: Sealing
    rows: dict[NotificationId, Row] = field(default_factory=dict)
    claimed: set[NotificationId] = field(default_factory=set)

    def add(self, pages: Iterable[Notification], now: datetime) -> None:
        """Each is owed its delay after ``now``."""
        self.rows |= {page.notification_id: page_rows.notification_row(page, now, self.sealing) for page in pages}

    def claim(self, pages: Iterable[Notification]) -> list[Claim]:
        """The first claim of each, in the order of their ids."""
        claims = []
        for page in sorted(pages, key=lambda page: page.notification_id):
            self.claimed.add(page.notification_id)
            stored = with_trace_of(page, self.rows[page.notification_id])
            claims.append(Claim(stored, 1, is_wanted=True))
        return claims

    @property
    def are_all_claimed(self) -> bool:
        """Nothing is left for whoever looks into the outbox."""
        return self.claimed == self.rows.keys()

    def write(self, writes: Writes, database: Database) -> None:
        """Adds all to ``writes``; the lease of those that are claimed begins now."""
        waiting = [row for key, row in self.rows.items() if key not in self.claimed]
        writes.insert(NOTIFICATIONS, waiting, computed=page_rows.AS_MADE)
        claimed, lease = [self.rows[key] for key in sorted(self.claimed)], notification_claims_sql.LEASE
        if database.is_sqlite:
            ends = {"due_at": database.clock.now() + lease}
            writes.insert(NOTIFICATIONS, [row | ends for row in claimed], computed=page_rows.AS_CLAIMED)
            return
        end = f"{database.now_sql} + interval '{lease.total_seconds()} s'"
        claimed = [{name: value for name, value in row.items() if name != "due_at"} for row in claimed]
        writes.insert(NOTIFICATIONS, claimed, computed=(*page_rows.AS_CLAIMED, ("due_at", end)))
