"""One unit of work on SQLite and PostgreSQL: set-based statements, no ORM; and the pieces the outbox shares."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.events import AlertRepeated, IncidentId, IncidentOpened, IncidentResolved
from pager_domain.pager.interventions import IncidentReopened
from pager_domain.pager.maintenance import MaintenanceWindow, MaintenanceWindowId
from pager_domain.pager.model import (
    Change,
    EscalationPolicy,
    Incident,
    MonitoredService,
    Request,
    StoredAnswer,
)
from pager_domain.pager.notification import Notification
from pager_domain.pager.ports.monitored_services import CancelledPage, NotAsForeseen, RequestKey, UnitOfWork
from pager_domain.pager.ports.notification_outbox import Claim
from pager_domain.pager.storm import Pace
from pager_grpc.pager import maintenance_windows_sql, page_rows, rows, service_locks_sql, wakeups
from pager_grpc.pager.former_incidents_sql import former_incidents
from pager_grpc.pager.incident_events_sql import append_events
from pager_grpc.pager.just_opened import JustOpened
from pager_grpc.pager.known_policies_sql import write_known_policies
from pager_grpc.pager.new_pages_sql import NewPages
from pager_grpc.pager.notification_claims_sql import Claiming
from pager_grpc.pager.sealing import Sealing
from pager_grpc.pager.service_locks_sql import LockedServices, Windows
from pager_grpc.pager.tables import (
    IncidentRow,
    MonitoredServiceRow,
    RequestAnswerRow,
    table_of,
)
from pager_grpc.pager.wakeups import Wakeups, Work
from pager_grpc.runtime.bulk import Writes
from pager_grpc.runtime.columns import moment_of
from pager_grpc.runtime.database import Database, Unit
from pager_grpc.runtime.selecting import fetch, is_one_of, is_one_of_pairs

SERVICES = table_of(MonitoredServiceRow)
INCIDENTS = table_of(IncidentRow)
ANSWERS = table_of(RequestAnswerRow)


_BEGINS_OR_ENDS = (IncidentOpened, IncidentResolved, IncidentReopened)
# By way of the incidents: pages are found by the key that begins with the service.
_CANCEL = """
UPDATE notifications SET
    state = CASE WHEN held THEN state ELSE 'cancelled' END,
    settled_at = CASE WHEN held THEN settled_at ELSE :now END,
    stopped_at = CASE WHEN held THEN :now ELSE stopped_at END
WHERE (monitored_service_id, incident_id) IN (SELECT monitored_service_id, incident_id FROM incidents WHERE {})
AND state = 'waiting' RETURNING *
"""


@dataclass
class SqlUnitOfWork(UnitOfWork):
    """One transaction on one connection."""

    unit: Unit
    database: Database
    wakeups: Wakeups
    sealing: Sealing
    just_opened: JustOpened
    pace: Pace | None = None
    moment: datetime | None = None
    work: str = ""
    windows: Windows | None = None

    def __post_init__(self) -> None:
        """What was saved may go with the claim of its pages."""
        self._writes = Writes(self.connection)
        self._opened: list[Incident] = []
        self._begun: set[MonitoredServiceId] = set()
        self._pages = NewPages(self.sealing)

    @property
    def connection(self) -> AsyncConnection:
        """Where the transaction runs."""
        return self.unit.connection

    @property
    def now(self) -> datetime:
        """The moment after the last lock was taken."""
        if self.moment is None:
            raise RuntimeError("a unit of work has no moment before it has loaded something")
        return self.moment

    async def services(
        self, alerted: Iterable[MonitoredServiceId], others: Iterable[MonitoredServiceId] = ()
    ) -> dict[MonitoredServiceId, MonitoredService]:
        """Locks what exists in id order first and begins what is missing after, so that locks make no circle."""
        alerted, connection, database = set(alerted), self.connection, self.database
        locked = await service_locks_sql.lock(connection, database, {*alerted, *others})
        missing = sorted(alerted - locked.keys())
        if database.is_sqlite:  # the only writer: a service that is missing stays missing until save
            self._begun.update(missing)
            services = await self._with_incidents(locked, database.clock.now())
            now = self.now
            return services | {key: MonitoredService(key, now, now) for key in missing}
        if not missing:
            return await self._with_incidents(locked)
        begun = await service_locks_sql.begin(connection, database, missing)
        self._begun.update(begun)
        locked |= begun
        if taken := alerted - locked.keys():  # another replica began them meanwhile
            return await self._with_incidents(locked | await service_locks_sql.lock(connection, database, taken))
        return await self._with_incidents(locked, max(moment_of(row["moment"]) for row in begun.values()))

    async def due_services(self, ids: Iterable[MonitoredServiceId]) -> dict[MonitoredServiceId, MonitoredService]:
        """SKIP LOCKED only picks; whether an incident is due is judged by its row after its service is locked."""
        services = await self._read(await service_locks_sql.lock_due(self.connection, self.database, set(ids)))
        return {i: s for i, s in services.items() if s.incident is not None and s.incident.is_due(self.now)}

    async def stored_answers(self, requests: Iterable[Request]) -> dict[RequestKey, StoredAnswer]:
        """Read after the services are locked, so that a repeat in flight elsewhere is seen.

        Of a service that this unit of work has begun nothing was asked before: rows of services are never deleted.
        """
        keys = {(request.monitored_service_id, request.request_id) for request in requests}
        wanted = {key for key in keys if key[0] not in self._begun}
        if not wanted:
            return {}
        condition, binds = is_one_of_pairs(self.connection, "monitored_service_id, request_id", wanted)
        found = await fetch(self.connection, f"SELECT * FROM request_answers WHERE {condition}", binds)
        answers = map(rows.answer_of, found)
        return {(answer.monitored_service_id, answer.request_id): answer for answer in answers}

    async def incidents(self, ids: Iterable[IncidentId]) -> dict[IncidentId, Incident]:
        """Incidents of loaded services."""
        if not (wanted := set(ids)):
            return {}
        condition, binds = is_one_of(self.connection, "incident_id", wanted)
        found = await fetch(self.connection, f"SELECT * FROM incidents WHERE {condition}", binds)
        return {incident.incident_id: incident for incident in map(self._incident_of, found)}

    async def cancel_waiting(self, incident_ids: Iterable[IncidentId]) -> list[CancelledPage]:
        """A page that a delivery holds is left to that delivery."""
        condition, binds = is_one_of(self.connection, "incident_id", set(incident_ids))
        binds |= {"now": self.database.moment_bind(self.now)}
        # One statement: of a page that is claimed while this waits for its row, it sees that it is held.
        found = await fetch(self.connection, _CANCEL.format(condition), binds)
        return [
            CancelledPage(
                page_rows.notification_of(row, self.sealing),
                row["attempts"],
                before_due=page_rows.owed_at(row) > self.now,
            )
            for row in found
            if row["state"] == "cancelled"
        ]

    async def maintenance_windows(
        self, services: Iterable[MonitoredServiceId]
    ) -> Mapping[MonitoredServiceId, Sequence[MaintenanceWindow]]:
        """As they were read with due services, else by the key that begins with the service."""
        wanted, known = list(services), self.windows
        if known is not None and all(service in known for service in wanted):
            return {service: known[service] for service in wanted}
        return await maintenance_windows_sql.covering(self.connection, wanted)

    async def starting_window(self) -> MaintenanceWindow | None:
        """Its row is locked before those of services, by nobody else in the opposite order."""
        return await maintenance_windows_sql.starting(self.connection, self.database)

    async def window_started(self, window_id: MaintenanceWindowId, next_start_at: datetime | None) -> None:
        """By primary key."""
        await maintenance_windows_sql.started(self.connection, self.database, window_id, next_start_at)

    async def held_by_deleted_windows(self, limit: int) -> list[MonitoredServiceId]:
        """By the index of what windows hold."""
        return await maintenance_windows_sql.held_by_deleted(self.connection, limit)

    async def save(
        self,
        changes: Sequence[Change],
        *,
        answers: Sequence[StoredAnswer] = (),
        known_policies: Mapping[MonitoredServiceId, EscalationPolicy] | None = None,
    ) -> None:
        """One or two statements, whatever the size of the batch; of each row the last state is written.

        Pages go last, right before the commit: some may be claimed until then.
        """
        incidents = {c.incident.incident_id: c.incident for c in changes if c.incident is not None}
        events = [event for change in changes for event in change.events]
        opened = {event.incident_id for event in events if isinstance(event.what, IncidentOpened)}
        # A repeated alert changes counts alone, and the service only when an incident begins or ends.
        changed = {event.incident_id for event in events if not isinstance(event.what, AlertRepeated)}
        self._opened = [incidents[key] for key in opened if incidents[key].is_due(self.now)]
        due = any(self._is_due_soon(incidents[key]) for key in changed)
        changed |= {c.incident.incident_id for c in changes if c.incident is not None and not c.events}
        services = {c.service.monitored_service_id: c.service for c in changes if _begins_or_ends(c)}
        pages = [page for change in changes for page in change.notifications]
        counted = [rows.counted_incident_row(i) for key, i in incidents.items() if key not in changed]
        known = changed - opened
        rewritten = [rows.changed_incident_row(i, self.sealing) for key, i in incidents.items() if key in known]
        self.work = (Work.EVENTS if events else "") + (Work.DELIVERY if pages else "")
        self.work += Work.ESCALATION if due else ""
        await self._writes.run()  # of what was saved before, the last state counts
        writes = self._writes
        writes.update(INCIDENTS, counted)
        writes.update(INCIDENTS, rewritten)
        if opened and rewritten:
            await writes.run()  # of one service, an incident must have ended before the next one begins
        self._insert_incidents(writes, [i for key, i in incidents.items() if key in opened])
        writes.upsert(SERVICES, [rows.service_row(service) for service in services.values()])
        await append_events(self.connection, writes, self.database, events)
        self._pages.add(pages, self.now)
        writes.insert(ANSWERS, [rows.answer_row(answer, self.now) for answer in answers])
        write_known_policies(writes, known_policies or {}, self.now, self.sealing)

    async def claim(self, pages: Sequence[Notification], limit: int) -> list[Claim]:
        """As a claim of the outbox; it holds the rows of the recipients, as that does, until the end."""
        claims = self._pages.claim(await self._claiming().alone_of(pages[:limit]))
        if self._pages.are_all_claimed:
            self.work = self.work.replace(Work.DELIVERY, "")
        return claims

    async def commit(self) -> None:
        """Writes what waits and commits, then rings the bells, also when nobody knows whether the commit stands."""
        self._pages.write(self._writes, self.database)
        await self._writes.run()
        try:
            await self.unit.commit()
            self.just_opened.note(self._opened)
        except NotAsForeseen:
            raise
        except BaseException:
            # Perhaps it stands. Pages that it claimed are then owed when the lease ends, and whoever sleeps until the
            # next page is due does not know of them.
            self.work += Work.DELIVERY if self._pages.rows else ""
            raise
        finally:
            self.wakeups.committed(self.work)

    def _claiming(self) -> Claiming:
        return Claiming(self.connection, self.database, self.sealing, self.pace, self._writes)

    def _insert_incidents(self, writes: Writes, opened: Sequence[Incident]) -> None:
        """Most of them are only opened: then half of the columns need no value of their own."""
        untouched = [rows.opened_incident_row(incident) for incident in opened if incident.is_untouched]
        writes.insert(INCIDENTS, untouched, computed=rows.AS_OPENED)
        touched = [rows.new_incident_row(incident, self.sealing) for incident in opened if not incident.is_untouched]
        writes.insert(INCIDENTS, touched)

    def _is_due_soon(self, incident: Incident) -> bool:
        """Sooner than whoever sleeps longest looks by itself."""
        due = incident.next_escalation_at
        return due is not None and due - self.now <= timedelta(seconds=wakeups.SAFETY_PAUSE_SECONDS)

    async def _with_incidents(
        self, locked: service_locks_sql.Locked, last_lock_at: datetime | None = None
    ) -> dict[MonitoredServiceId, MonitoredService]:
        found = await service_locks_sql.with_incidents(self.connection, self.database, locked, last_lock_at)
        return await self._read(found)

    async def _read(self, found: LockedServices) -> dict[MonitoredServiceId, MonitoredService]:
        self.moment, self.windows = found.moment, found.windows
        incidents = {row["incident_id"]: self._incident_of(row) for row in found.incidents}
        former = await former_incidents(self.connection, incidents.values(), self.now)
        return {
            service_id: rows.service_of(row, incidents.get(row["incident_id"]), former.get(row["reopen_incident_id"]))
            for service_id, row in found.services.items()
        }

    def _incident_of(self, row: rows.StoredRow) -> Incident:
        return rows.incident_of(row, self.sealing)


def _begins_or_ends(change: Change) -> bool:
    return any(isinstance(event.what, _BEGINS_OR_ENDS) for event in change.events)
