"""The timeline on the wire. Pure."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration

from pager_domain.pager.events import (
    Alert,
    AlertRepeated,
    EscalationExhausted,
    IncidentAcknowledged,
    IncidentEvent,
    IncidentOpened,
    IncidentResolved,
    LevelNotified,
    LevelSkipped,
    LevelUndeliverable,
    NotificationSettled,
    Outcome,
    PolicySource,
)
from pager_domain.pager.interventions import (
    AcknowledgementExpired,
    AssigneeUnknown,
    IncidentEscalated,
    IncidentHeld,
    IncidentReassigned,
    IncidentReleased,
    IncidentReopened,
    IncidentSnoozed,
)
from pager_domain.pager.targets import Channel, NotifiedTarget, PlannedTarget, UnreachedReason, UnreachedTarget
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.pager.wire import SEVERITIES, assignee_pb, timestamp_pb

CHANNELS = {Channel.EMAIL: pb.NotifiedTarget.CHANNEL_EMAIL, Channel.SMS: pb.NotifiedTarget.CHANNEL_SMS}
OUTCOMES = {
    Outcome.HANDED_OFF: pb.IncidentEvent.NotificationSettled.OUTCOME_HANDED_OFF,
    Outcome.UNDELIVERABLE: pb.IncidentEvent.NotificationSettled.OUTCOME_UNDELIVERABLE,
    Outcome.CANCELLED: pb.IncidentEvent.NotificationSettled.OUTCOME_CANCELLED,
    Outcome.MERGED: pb.IncidentEvent.NotificationSettled.OUTCOME_MERGED,
    Outcome.IN_DOUBT: pb.IncidentEvent.NotificationSettled.OUTCOME_IN_DOUBT,
}
POLICY_SOURCES = {
    PolicySource.CURRENT: pb.IncidentEvent.LevelNotified.POLICY_SOURCE_CURRENT,
    PolicySource.LAST_KNOWN: pb.IncidentEvent.LevelNotified.POLICY_SOURCE_LAST_KNOWN,
    PolicySource.CATCH_ALL: pb.IncidentEvent.LevelNotified.POLICY_SOURCE_CATCH_ALL,
}
UNREACHED_REASONS = {
    UnreachedReason.UNKNOWN: pb.UnreachedTarget.REASON_UNSPECIFIED,
    UnreachedReason.NOBODY_ON_CALL: pb.UnreachedTarget.REASON_NOBODY_ON_CALL,
    UnreachedReason.NO_VERIFIED_CONTACT_METHOD: pb.UnreachedTarget.REASON_NO_VERIFIED_CONTACT_METHOD,
    UnreachedReason.PERSON_UNKNOWN: pb.UnreachedTarget.REASON_PERSON_UNKNOWN,
    UnreachedReason.SCHEDULE_UNKNOWN: pb.UnreachedTarget.REASON_SCHEDULE_UNKNOWN,
    UnreachedReason.NOT_ITS_TURN: pb.UnreachedTarget.REASON_NOT_ITS_TURN,
}


def event_pb(event: IncidentEvent) -> pb.IncidentEvent:
    """One line of a timeline."""
    message = pb.IncidentEvent(
        incident_id=event.incident_id,
        monitored_service_id=event.monitored_service_id,
        sequence=event.sequence,
        event_time=timestamp_pb(event.at),
    )
    field, convert = _CAUSES[type(event.what)]
    getattr(message, field).CopyFrom(convert(event.what))
    return message


def _alert(alert: Alert) -> pb.Alert:
    return pb.Alert(
        message=alert.message,
        severity=SEVERITIES[alert.severity],
        dedup_key=alert.dedup_key,
        details=alert.details,
        links=[pb.Link(url=link.url, text=link.text) for link in alert.links],
        occur_time=timestamp_pb(alert.occurred_at),
    )


def _target(target: NotifiedTarget) -> pb.NotifiedTarget:
    return pb.NotifiedTarget(
        target_id=target.target_id,
        channel=CHANNELS[target.channel],
        person_id=target.person_id,
        contact_method_id=target.contact_method_id,
    )


def planned_target_pb(target: PlannedTarget) -> pb.NotifiedTarget:
    """One way in which a level pages one of its targets."""
    message = _target(target.notified)
    message.delays.extend(map(_duration, target.delays))
    message.schedule_id, message.layer_id = target.schedule_id, target.layer_id
    message.override_id = target.override_id
    return message


def _unreached(target: UnreachedTarget) -> pb.UnreachedTarget:
    return pb.UnreachedTarget(
        target_id=target.target_id,
        person_id=target.person_id,
        schedule_id=target.schedule_id,
        reason=UNREACHED_REASONS[target.reason],
    )


def _opened(what: IncidentOpened) -> pb.IncidentEvent.Opened:
    return pb.IncidentEvent.Opened(alert=_alert(what.alert))


def _repeated(what: AlertRepeated) -> pb.IncidentEvent.AlertRepeated:
    return pb.IncidentEvent.AlertRepeated(alert=_alert(what.alert), alert_count=what.alert_count, repeats=what.repeats)


def _level_notified(what: LevelNotified) -> pb.IncidentEvent.LevelNotified:
    return pb.IncidentEvent.LevelNotified(
        cycle=what.cycle,
        level=what.level,
        targets=map(planned_target_pb, what.targets),
        acknowledgement_timeout=_duration(what.acknowledgement_timeout),
        next_escalation_time=timestamp_pb(what.next_escalation_at),
        policy_id=what.policy_id,
        policy_revision=what.policy_revision,
        policy_source=POLICY_SOURCES[what.policy_source],
        policy_fault=what.policy_fault,
        unreached=map(_unreached, what.unreached),
    )


def _duration(span: timedelta) -> Duration:
    duration = Duration()
    duration.FromTimedelta(span)
    return duration


def _level_skipped(what: LevelSkipped) -> pb.IncidentEvent.LevelSkipped:
    unreached = map(_unreached, what.unreached)
    return pb.IncidentEvent.LevelSkipped(cycle=what.cycle, level=what.level, unreached=unreached)


def _level_undeliverable(what: LevelUndeliverable) -> pb.IncidentEvent.LevelUndeliverable:
    return pb.IncidentEvent.LevelUndeliverable(cycle=what.cycle, level=what.level)


def _exhausted(what: EscalationExhausted) -> pb.IncidentEvent.EscalationExhausted:
    return pb.IncidentEvent.EscalationExhausted(cycle=what.cycle)


def _acknowledged(what: IncidentAcknowledged) -> pb.IncidentEvent.Acknowledged:
    return pb.IncidentEvent.Acknowledged(
        acknowledged_by=what.acknowledged_by, note=what.note, expire_time=timestamp_pb(what.expires_at)
    )


def _acknowledgement_expired(what: AcknowledgementExpired) -> pb.IncidentEvent.AcknowledgementExpired:
    return pb.IncidentEvent.AcknowledgementExpired(acknowledged_by=what.acknowledged_by)


def _snoozed(what: IncidentSnoozed) -> pb.IncidentEvent.Snoozed:
    return pb.IncidentEvent.Snoozed(
        snoozed_by=what.snoozed_by, snooze_end_time=timestamp_pb(what.until), note=what.note
    )


def _reassigned(what: IncidentReassigned) -> pb.IncidentEvent.Reassigned:
    return pb.IncidentEvent.Reassigned(reassigned_by=what.reassigned_by, assigned_to=assignee_pb(what.assignee))


def _assignee_unknown(what: AssigneeUnknown) -> pb.IncidentEvent.AssigneeUnknown:
    return pb.IncidentEvent.AssigneeUnknown(assigned_to=assignee_pb(what.assignee), fault=what.fault)


def _reopened(what: IncidentReopened) -> pb.IncidentEvent.Reopened:
    return pb.IncidentEvent.Reopened(
        acknowledged_by=what.acknowledged_by, next_escalation_time=timestamp_pb(what.next_escalation_at)
    )


def _held(what: IncidentHeld) -> pb.IncidentEvent.Held:
    return pb.IncidentEvent.Held(
        maintenance_window_id=what.maintenance_window_id, hold_end_time=timestamp_pb(what.until)
    )


def _released(what: IncidentReleased) -> pb.IncidentEvent.Released:
    return pb.IncidentEvent.Released(maintenance_window_id=what.maintenance_window_id)


def _escalated(what: IncidentEscalated) -> pb.IncidentEvent.Escalated:
    return pb.IncidentEvent.Escalated(escalated_by=what.escalated_by)


def _resolved(_what: IncidentResolved) -> pb.IncidentEvent.Resolved:
    return pb.IncidentEvent.Resolved()


def _settled(what: NotificationSettled) -> pb.IncidentEvent.NotificationSettled:
    return pb.IncidentEvent.NotificationSettled(
        notification_id=what.notification_id,
        target=_target(what.target),
        cycle=what.cycle,
        level=what.level,
        outcome=OUTCOMES[what.outcome],
        provider=what.provider,
        provider_message_id=what.provider_message_id,
        reason=what.reason,
        possibly_duplicated=what.possibly_duplicated,
        bundle_id=what.bundle_id,
        step=what.step,
        before_due=what.before_due,
    )


_CAUSES: dict[type[Any], tuple[str, Callable[[Any], Any]]] = {
    IncidentOpened: ("opened", _opened),
    AlertRepeated: ("alert_repeated", _repeated),
    LevelNotified: ("level_notified", _level_notified),
    LevelSkipped: ("level_skipped", _level_skipped),
    LevelUndeliverable: ("level_undeliverable", _level_undeliverable),
    EscalationExhausted: ("escalation_exhausted", _exhausted),
    IncidentAcknowledged: ("acknowledged", _acknowledged),
    AcknowledgementExpired: ("acknowledgement_expired", _acknowledgement_expired),
    IncidentSnoozed: ("snoozed", _snoozed),
    IncidentEscalated: ("escalated", _escalated),
    IncidentReassigned: ("reassigned", _reassigned),
    AssigneeUnknown: ("assignee_unknown", _assignee_unknown),
    IncidentReopened: ("reopened", _reopened),
    IncidentHeld: ("held", _held),
    IncidentReleased: ("released", _released),
    IncidentResolved: ("resolved", _resolved),
    NotificationSettled: ("notification_settled", _settled),
}
