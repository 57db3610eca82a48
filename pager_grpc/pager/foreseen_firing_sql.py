"""Levels that fire as foreseen, on PostgreSQL: one statement reads, and one writes if all that was read is as it was.

Nothing is locked in between, and there is no transaction around the two. The second one is a transaction of its own. It
first takes the locks that an ordinary unit of work would have taken, waiting for nobody: whoever holds one of them may
be about to change what it protects.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.kernel import MonitoredServiceId, NotificationTarget
from pager_domain.pager.events import MOST_SEVERE_FIRST, Severity
from pager_domain.pager.levels import address_of, channel_of
from pager_domain.pager.model import MonitoredService
from pager_domain.pager.ports.monitored_services import NotAsForeseen
from pager_domain.pager.storm import Arrangement, Traffic
from pager_grpc.pager import rows
from pager_grpc.pager.notification_claims_sql import RECIPIENTS, Claiming, traffic_row
from pager_grpc.pager.service_locks_sql import SERVICE, WINDOWS, with_windows
from pager_grpc.pager.unit_of_work_sql import SqlUnitOfWork
from pager_grpc.runtime.columns import as_document
from pager_grpc.runtime.conditional_writes import ConditionalWrites
from pager_grpc.runtime.database import Database, Unit
from pager_grpc.runtime.selecting import fetch, is_one_of

_STALE_AFTER = timedelta(seconds=1)
"""What was read this long ago is no basis for leases and delays, as it is."""
# A version of a row has the number of the transaction that made it. Whoever only locks the row makes none.
_LOOK = f"""
SELECT {{now}} AS moment, {SERVICE}, incidents.*, {WINDOWS},
    incidents.xmin::text AS incident_version, (
        SELECT jsonb_agg(jsonb_build_array(recipient, calm_at, most_severe, xmin::text))
        FROM recipients WHERE recipient = ANY(CAST(:recipients AS text[]))
    ) AS traffic
FROM (SELECT 1) AS always LEFT JOIN monitored_services AS services ON services.{{condition}}
LEFT JOIN incidents ON incidents.monitored_service_id = services.monitored_service_id
    AND incidents.incident_id = services.incident_id
"""
# In the order of all: services, what they name, recipients. A service changes only together with an incident.
_UNCHANGED = """
seen AS MATERIALIZED (
    SELECT * FROM unnest(
        CAST(:seen_services AS text[]), CAST(:seen_incidents AS text[]), CAST(:incident_versions AS text[])
    ) AS seen(monitored_service_id, incident_id, version)
), services AS MATERIALIZED (
    SELECT seen.* FROM seen JOIN monitored_services AS services
    ON services.monitored_service_id = seen.monitored_service_id
    ORDER BY seen.monitored_service_id FOR UPDATE OF services SKIP LOCKED
), named AS MATERIALIZED (
    SELECT 1 FROM services JOIN incidents ON incidents.monitored_service_id = services.monitored_service_id
    AND incidents.incident_id = services.incident_id AND incidents.xmin::text = services.version
    FOR UPDATE OF incidents SKIP LOCKED
), paged AS MATERIALIZED (
    SELECT 1 FROM unnest(CAST(:seen_recipients AS text[]), CAST(:recipient_versions AS text[]))
        AS seen(recipient, version)
    JOIN recipients ON recipients.recipient = seen.recipient AND recipients.xmin::text = seen.version
    ORDER BY seen.recipient FOR UPDATE OF recipients SKIP LOCKED
), condition AS MATERIALIZED (
    SELECT 1 WHERE CASE
        WHEN {now} > :valid_until OR (SELECT count(*) FROM named) < (SELECT count(*) FROM seen) THEN false
        ELSE (SELECT count(*) FROM paged) = cardinality(CAST(:seen_recipients AS text[]))
    END
)
"""


@dataclass
class _Seen:
    """What was read, and in which version."""

    incidents: dict[MonitoredServiceId, tuple[str, str]] = field(default_factory=dict)
    """Of each service: its incident and the version of that."""
    calm: set[str] = field(default_factory=set)
    """Recipients without a row."""
    recipients: dict[str, tuple[Traffic, str]] = field(default_factory=dict)
    relied_on: set[str] = field(default_factory=set)
    """Recipients whose row must be as it was."""


def foreseen_unit_of_work(
    connection: AsyncConnection, recipients: Sequence[NotificationTarget], database: Database, *parts: Any
) -> SqlUnitOfWork:
    """One on a ``connection`` without a transaction; ``database`` and ``parts`` are as of an ordinary one."""

    async def commit() -> None:
        await work.write()

    work = _ForeseenUnitOfWork(Unit(connection, database.commits.timed(commit)), database, *parts)
    work.recipients = recipients
    return work


@dataclass
class _ForeseenUnitOfWork(SqlUnitOfWork):
    """Two statements. To commit its ``unit`` is to :meth:`write`."""

    recipients: Sequence[NotificationTarget] = field(default=(), init=False)

    def __post_init__(self) -> None:
        """All that is saved goes with the commit."""
        super().__post_init__()
        self._writes = self._conditional = ConditionalWrites(self.connection)
        self._seen = _Seen()

    async def due_services(self, ids: Iterable[MonitoredServiceId]) -> dict[MonitoredServiceId, MonitoredService]:
        """As they are, unlocked, with what ``recipients`` got lately."""
        condition, binds = is_one_of(self.connection, "monitored_service_id", set(ids))
        keys = {self.sealing.recipient(channel_of(each).value, address_of(each)) for each in self.recipients}
        query = _LOOK.format(now=self.database.now_sql, condition=condition)
        found = await fetch(self.connection, query, binds | {"recipients": sorted(keys)})
        if any(row["service_reopen_incident_id"] for row in found):
            raise NotAsForeseen  # what an alert would continue is more than one statement
        self._note(found, keys)
        services = await self._read(with_windows(found))
        return {i: s for i, s in services.items() if s.incident is not None and s.incident.is_due(self.now)}

    def _claiming(self) -> Claiming:
        return _ForeseenClaiming(
            self.connection, self.database, self.sealing, self.pace, self._writes, self.now, self._seen
        )

    def _note(self, found: Sequence[rows.StoredRow], keys: Iterable[str]) -> None:
        self._seen.incidents = {
            MonitoredServiceId(row["monitored_service_id"]): (row["incident_id"], row["incident_version"])
            for row in found
            if row["incident_id"]
        }
        for recipient, calm_at, most_severe, version in as_document(found[0]["traffic"] or []):
            traffic = Traffic(datetime.fromisoformat(calm_at), Severity(most_severe))
            self._seen.recipients[recipient] = traffic, version
        self._seen.calm = {key for key in keys if key not in self._seen.recipients}

    async def write(self) -> None:
        """All that was saved, if all that was read is as it was."""
        try:
            stands = await self._conditional.run_if(_UNCHANGED.format(now=self.database.now_sql), self._binds())
        except IntegrityError as error:  # somebody made a row that was not there
            raise NotAsForeseen from error
        if not stands:
            raise NotAsForeseen

    def _binds(self) -> dict[str, Any]:
        known = [(key, self._seen.recipients[key][1]) for key in sorted(self._seen.relied_on)]
        seen = [(key, *incident) for key, incident in sorted(self._seen.incidents.items())]
        return {
            "seen_services": [service for service, _, _ in seen],
            "seen_incidents": [incident for _, incident, _ in seen],
            "incident_versions": [version for _, _, version in seen],
            "seen_recipients": [key for key, _ in known],
            "recipient_versions": [version for _, version in known],
            "valid_until": self.now + _STALE_AFTER,
        }


@dataclass
class _ForeseenClaiming(Claiming):
    """Claims without a statement of their own: the pages are stored as claimed."""

    now: datetime
    seen: _Seen

    async def _traffic(self, recipients: Iterable[str]) -> tuple[dict[str, Traffic], datetime]:
        if not set(recipients) <= self.seen.calm | self.seen.recipients.keys():
            raise NotAsForeseen
        known = {key: traffic for key, (traffic, _) in self.seen.recipients.items()}
        return dict.fromkeys(self.seen.calm, Traffic(self.now, MOST_SEVERE_FIRST[-1])) | known, self.now

    def _remember(self, arrangements: Mapping[str, Arrangement]) -> None:
        listed = [traffic_row(key, each.traffic) for key, each in sorted(arrangements.items())]
        self.seen.relied_on = arrangements.keys() - self.seen.calm
        self.writes.insert(RECIPIENTS, [row for row in listed if row["recipient"] in self.seen.calm])
        self.writes.update(RECIPIENTS, [row for row in listed if row["recipient"] not in self.seen.calm])
