"""Pages to rows and back. Pure."""

from datetime import datetime, timedelta

from pager_domain.kernel import (
    EmailAddress,
    EmailTarget,
    MonitoredServiceId,
    NotificationTarget,
    PhoneNumber,
    SealedAddress,
    SmsTarget,
    TargetId,
)
from pager_domain.pager.events import MOST_SEVERE_FIRST, IncidentId, Severity
from pager_domain.pager.notification import Notification
from pager_grpc.pager.rows import Row, StoredRow
from pager_grpc.pager.sealing import Sealing
from pager_grpc.runtime.columns import moment_of

_NEW = (("state", "'waiting'"), ("lost_claims", "0"), ("last_reason", "''"))
AS_MADE = (*_NEW, ("held", "false"), ("attempts", "0"))
"""The SQL of what is the same of all pages that nobody has claimed yet; every other column is NULL."""
AS_CLAIMED = (*_NEW, ("held", "true"), ("attempts", "1"))
"""The same of those that are claimed as they are made."""


def notification_row(page: Notification, now: datetime, sealing: Sealing) -> Row:
    """What is not ``AS_MADE`` of a page that was decided just now, and is owed after its delay."""
    target = page.target
    owed_at = now + page.delay
    return {
        "monitored_service_id": page.monitored_service_id,
        "notification_id": page.notification_id,
        "incident_id": page.incident_id,
        "cycle": page.cycle,
        "level": page.level,
        "target_id": target.target_id,
        "person_id": page.person_id,
        "contact_method_id": page.contact_method_id,
        "step": page.step,
        "channel": page.channel.value,
        "address": sealing.sealed(page.address),
        "recipient": sealing.recipient(page.channel.value, page.address),
        "subject": page.subject,
        "body": page.body,
        "severity": page.severity.value,
        "due_at": owed_at,
        "owed_at": owed_at if page.delay else None,
        "created_at": now,
        "traceparent": page.traceparent or None,
    }


def notification_of(row: StoredRow, sealing: Sealing) -> Notification:
    """A page from its row."""
    return Notification(
        MonitoredServiceId(row["monitored_service_id"]),
        IncidentId(row["incident_id"]),
        row["cycle"],
        row["level"],
        _target_of(row, sealing),
        row["subject"],
        row["body"],
        Severity(row["severity"]),
        row["person_id"],
        row["contact_method_id"],
        row["step"],
        owed_at(row) - moment_of(row["created_at"]) if row["owed_at"] else timedelta(),
        row["traceparent"] or "",
    )


def _target_of(row: StoredRow, sealing: Sealing) -> NotificationTarget:
    """Whom a page is for. One without a ``recipient`` was stored before addresses were sealed."""
    target_id, stored = TargetId(row["target_id"]), row["address"]
    opened = sealing.opened(stored) if row["recipient"] else stored
    if row["channel"] == "email":
        return EmailTarget(target_id, SealedAddress(stored) if opened is None else EmailAddress(opened))
    return SmsTarget(target_id, SealedAddress(stored) if opened is None else PhoneNumber(opened))


def is_wanted(claimed: StoredRow) -> bool:
    """Whether a page may still go out: what an answer stopped may not, also when its incident is open again.

    Not asked in SQL: SQLite 3.40 takes ``stopped_at IS NULL`` for false in the RETURNING of an UPDATE.
    """
    return bool(claimed["incident_is_open"]) and claimed["stopped_at"] is None


def owed_at(page: StoredRow) -> datetime:
    """When a page was owed first, or will be."""
    return moment_of(page["owed_at"] or page["created_at"])


def age_of(claimed: StoredRow, lease: timedelta, since: datetime) -> timedelta:
    """How long a page or a bundle that was claimed just now, for ``lease``, had been owed ``since`` then."""
    return moment_of(claimed["due_at"]) - lease - since


def place_in_bundle(page: Notification, owed_at: datetime) -> tuple[int, datetime, str]:
    """By this the pages of a bundle are sorted, whenever they are read: the most severe first, then the oldest."""
    return MOST_SEVERE_FIRST.index(page.severity), owed_at, page.notification_id
