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
from pager_domain.pager.ports.monitored_services import CancelledPage, RequestKey, UnitOfWork
from pager_domain.pager.ports.notification_outbox import Claim
from pager_domain.pager.storm import Pace
from pager_grpc.pager import escalation_loop, maintenance_windows_sql, page_rows, rows
from pager_grpc.pager.former_incidents_sql import former_incidents
from pager_grpc.pager.incident_events_sql import append_events
from pager_grpc.pager.known_policies_sql import write_known_policies
from pager_grpc.pager.notification_claims_sql import Claiming
from pager_grpc.pager.sealing import Sealing
from pager_grpc.pager.tables import (
    IncidentRow,
    MonitoredServiceRow,
    NotificationRow,
    RequestAnswerRow,
    table_of,
)
from pager_grpc.pager.wakeups import Wakeups, Work
from pager_grpc.runtime.bulk import Writes
from pager_grpc.runtime.columns import moment_of
from pager_grpc.runtime.database import Database, Unit
from pager_grpc.runtime.selecting import as_rows, fetch, is_one_of, is_one_of_pairs

SERVICES = table_of(MonitoredServiceRow)
INCIDENTS = table_of(IncidentRow)
NOTIFICATIONS = table_of(NotificationRow)
ANSWERS = table_of(RequestAnswerRow)


_BEGINS_OR_ENDS = (IncidentOpened, IncidentResolved, IncidentReopened)
_NAMED = ("incident_id", "reopen_incident_id")
_BEGIN = """
INSERT INTO monitored_services (monitored_service_id, incident_id, created_at, updated_at)
SELECT id, NULL, {now}, {now} FROM {source} ORDER BY id ON CONFLICT DO NOTHING RETURNING *, {now} AS moment
"""
# The moment also without an incident; read after the locks of the services were taken. Incidents are locked too: where
# transactions keep their first snapshot (SERIALIZABLE) that tells at once that an incident has changed since.
_INCIDENTS_AND_NOW = """
SELECT {now} AS moment, found.* FROM (SELECT 1) AS always
LEFT JOIN (SELECT * FROM incidents WHERE {condition} {lock}) AS found ON true
"""
# By way of the incidents: pages are found by the key that begins with the service.
_CANCEL = """
UPDATE notifications SET state = 'cancelled', settled_at = :settled_at
WHERE (monitored_service_id, incident_id) IN (SELECT monitored_service_id, incident_id FROM incidents WHERE {})
AND state = 'waiting' AND NOT held RETURNING *
"""


@dataclass
class SqlUnitOfWork(UnitOfWork):
    """One transaction on one connection."""

    unit: Unit
    database: Database
    wakeups: Wakeups
    sealing: Sealing
    pace: Pace | None = None
    moment: datetime | None = None
    work: str = ""
    saved_pages: int = 0

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
        alerted = set(alerted)
        locked = await self._locked({*alerted, *others})
        missing = sorted(alerted - locked.keys())
        if self.database.is_sqlite:  # the only writer: a service that is missing stays missing until save
            services = await self._with_incidents(locked, self.database.clock.now())
            now = self.now
            return services | {key: MonitoredService(key, now, now) for key in missing}
        if not missing:
            return await self._with_incidents(locked)
        begun = await self._begun(missing)
        locked |= begun
        if taken := alerted - locked.keys():  # another replica began them meanwhile
            return await self._with_incidents(locked | await self._locked(taken))
        return await self._with_incidents(locked, max(moment_of(row["moment"]) for row in begun.values()))

    async def due_services(self, ids: Iterable[MonitoredServiceId]) -> dict[MonitoredServiceId, MonitoredService]:
        """SKIP LOCKED only picks; whether an incident is due is read again after its service is locked."""
        locked = await self._locked(set(ids), skip_locked=True)
        services = await self._with_incidents(locked)
        return {i: s for i, s in services.items() if s.incident is not None and s.incident.is_due(self.now)}

    async def stored_answers(self, requests: Iterable[Request]) -> dict[RequestKey, StoredAnswer]:
        """Read after the services are locked, so that a repeat in flight elsewhere is seen."""
        wanted = {(request.monitored_service_id, request.request_id) for request in requests}
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
        settled_at = self.database.moment_bind(self.now)
        cancelled = await fetch(self.connection, _CANCEL.format(condition), binds | {"settled_at": settled_at})
        return [
            CancelledPage(
                page_rows.notification_of(row, self.sealing),
                row["attempts"],
                before_due=page_rows.owed_at(row) > self.now,
            )
            for row in cancelled
        ]

    async def maintenance_windows(
        self, services: Iterable[MonitoredServiceId]
    ) -> Mapping[MonitoredServiceId, Sequence[MaintenanceWindow]]:
        """By the key that begins with the service."""
        return await maintenance_windows_sql.covering(self.connection, services)

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
        """One or two statements, whatever the size of the batch; of each row the last state is written."""
        incidents = {c.incident.incident_id: c.incident for c in changes if c.incident is not None}
        events = [event for change in changes for event in change.events]
        opened = {event.incident_id for event in events if isinstance(event.what, IncidentOpened)}
        # A repeated alert changes counts alone, and the service only when an incident begins or ends.
        changed = {event.incident_id for event in events if not isinstance(event.what, AlertRepeated)}
        due = any(self._is_due_soon(incidents[key]) for key in changed)
        changed |= {c.incident.incident_id for c in changes if c.incident is not None and not c.events}
        services = {c.service.monitored_service_id: c.service for c in changes if _begins_or_ends(c)}
        pages = [page for change in changes for page in change.notifications]
        counted = [rows.counted_incident_row(i) for key, i in incidents.items() if key not in changed]
        known = changed - opened
        rewritten = [rows.changed_incident_row(i, self.sealing) for key, i in incidents.items() if key in known]
        self.work = (Work.EVENTS if events else "") + (Work.DELIVERY if pages else "")
        self.work += Work.ESCALATION if due else ""
        self.saved_pages = len(pages)
        writes = Writes(self.connection)
        writes.update(INCIDENTS, counted)
        writes.update(INCIDENTS, rewritten)
        if opened and rewritten:
            await writes.run()  # of one service, an incident must have ended before the next one begins
        self._insert_incidents(writes, [i for key, i in incidents.items() if key in opened])
        writes.upsert(SERVICES, [rows.service_row(service) for service in services.values()])
        append_events(writes, self.database, events)
        writes.insert(NOTIFICATIONS, [page_rows.notification_row(page, self.now, self.sealing) for page in pages])
        writes.insert(ANSWERS, [rows.answer_row(answer, self.now) for answer in answers])
        write_known_policies(writes, known_policies or {}, self.now, self.sealing)
        await writes.run()

    async def claim(self, pages: Sequence[Notification], limit: int) -> list[Claim]:
        """As a claim of the outbox; it holds the rows of the recipients, as that does, until the end."""
        claiming = Claiming(self.connection, self.database, self.sealing, self.pace)
        claims = await claiming.claims_of(pages, limit)
        if len(claims) == self.saved_pages:  # nothing is left for whoever looks into the outbox
            self.work = self.work.replace(Work.DELIVERY, "")
        return claims

    async def commit(self) -> None:
        """Commits, then rings the bells, also when nobody knows whether the commit stands."""
        try:
            await self.unit.commit()
        finally:
            self.wakeups.committed(self.work)

    def _insert_incidents(self, writes: Writes, opened: Sequence[Incident]) -> None:
        """Most of them are only opened: then half of the columns need no value of their own."""
        untouched = [rows.opened_incident_row(incident) for incident in opened if incident.is_untouched]
        writes.insert(INCIDENTS, untouched, computed=rows.AS_OPENED)
        touched = [rows.new_incident_row(incident, self.sealing) for incident in opened if not incident.is_untouched]
        writes.insert(INCIDENTS, touched)

    def _is_due_soon(self, incident: Incident) -> bool:
        """Sooner than whoever sleeps longest looks by itself."""
        due = incident.next_escalation_at
        return due is not None and due - self.now <= timedelta(seconds=escalation_loop.SAFETY_PAUSE_SECONDS)

    async def _locked(
        self, ids: Iterable[MonitoredServiceId], *, skip_locked: bool = False
    ) -> dict[MonitoredServiceId, rows.StoredRow]:
        condition, binds = is_one_of(self.connection, "monitored_service_id", ids)
        lock = "" if self.database.is_sqlite else "FOR UPDATE SKIP LOCKED" if skip_locked else "FOR UPDATE"
        query = f"SELECT * FROM monitored_services WHERE {condition} ORDER BY monitored_service_id {lock}"
        return {
            MonitoredServiceId(row["monitored_service_id"]): row for row in await fetch(self.connection, query, binds)
        }

    async def _begun(self, ids: Sequence[MonitoredServiceId]) -> dict[MonitoredServiceId, rows.StoredRow]:
        """Those of the services that nobody had begun; whoever begins a service has it locked."""
        source, binds = as_rows(self.connection, "id", ids)
        statement = _BEGIN.format(now=self.database.now_sql, source=source)
        return {
            MonitoredServiceId(row["monitored_service_id"]): row
            for row in await fetch(self.connection, statement, binds)
        }

    async def _with_incidents(
        self, locked: Mapping[MonitoredServiceId, rows.StoredRow], last_lock_at: datetime | None = None
    ) -> dict[MonitoredServiceId, MonitoredService]:
        """A second read, begun after the locks were taken: what it sees cannot change any more.

        Where no incident is named and it is known when the last lock was taken, there is nothing to read.
        """
        named = {row[column] for row in locked.values() for column in _NAMED if row[column]}
        if last_lock_at is not None and not named:
            self.moment = last_lock_at
            return {service_id: rows.service_of(row, None) for service_id, row in locked.items()}
        condition, binds = is_one_of(self.connection, "incident_id", named)
        lock = "" if self.database.is_sqlite else "FOR UPDATE"
        query = _INCIDENTS_AND_NOW.format(now=self.database.now_sql, condition=condition, lock=lock)
        found = await fetch(self.connection, query, binds | self.database.now_binds())
        self.moment = moment_of(found[0]["moment"])
        incidents = {row["incident_id"]: self._incident_of(row) for row in found if row["incident_id"]}
        former = await former_incidents(self.connection, incidents.values(), self.now)
        return {
            service_id: rows.service_of(row, incidents.get(row["incident_id"]), former.get(row["reopen_incident_id"]))
            for service_id, row in locked.items()
        }

    def _incident_of(self, row: rows.StoredRow) -> Incident:
        return rows.incident_of(row, self.sealing)


def _begins_or_ends(change: Change) -> bool:
    return any(isinstance(event.what, _BEGINS_OR_ENDS) for event in change.events)
