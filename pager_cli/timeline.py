"""The timeline: one line for each event of an incident."""

from collections.abc import Callable, Mapping

from google.protobuf.timestamp_pb2 import Timestamp

from pager_cli import timeline_silence
from pager_cli.durations import written_duration
from pager_cli.moments import clock_time
from pager_cli.output import Cell, Styled
from pager_cli.targets import notified as in_words
from pager_cli.targets import unreached, whom, whom_and_how
from pager_cli.words import enum_word, one_line
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

_Settled = pb.IncidentEvent.NotificationSettled
_Source = pb.IncidentEvent.LevelNotified.PolicySource

_STYLES = {
    "opened": "bold red",
    "level_notified": "yellow",
    "level_skipped": "magenta",
    "level_undeliverable": "red",
    "escalation_exhausted": "bold red",
    "acknowledged": "cyan",
    "resolved": "green",
    "alert_repeated": "dim",
    **timeline_silence.STYLES,
}


def timeline_line(event: pb.IncidentEvent, day: Timestamp, *, with_service: bool = False) -> list[Cell]:
    """``03:12:04  acknowledged by ana: "on it"``; the date is shown when the event is not of ``day``."""
    kind = event.WhichOneof("event")
    line: list[Cell] = [Styled(clock_time(event.event_time, day), "dim"), "  "]
    if with_service:
        line += [Styled(one_line(event.monitored_service_id), "bold"), "  "]
    return [*line, Styled(what_happened(event), _style(event, kind))]


def what_happened(event: pb.IncidentEvent) -> str:
    """The sentence of an event, without its time."""
    sentence = _SENTENCES.get(event.WhichOneof("event") or "")
    return sentence(event) if sentence else "something that this pagerctl does not know: update it"


def _opened(event: pb.IncidentEvent) -> str:
    return f"opened by an alert: {_alert(event.opened.alert)}"


def _alert_repeated(event: pb.IncidentEvent) -> str:
    repeated = event.alert_repeated
    first = repeated.alert_count - max(repeated.repeats, 1) + 1
    which = f"alert {first}" if first == repeated.alert_count else f"alerts {first} to {repeated.alert_count}"
    return f"{which}: {_alert(repeated.alert)}; nobody is notified"


def _level_undeliverable(event: pb.IncidentEvent) -> str:
    told = event.level_undeliverable
    return f"level {told.level}{_cycle(told.cycle)} reached nobody: the next one is due at once"


def _level_skipped(event: pb.IncidentEvent) -> str:
    skipped = event.level_skipped
    missing = unreached(skipped.unreached)
    why = f"reaches nobody: {missing}; skipped" if missing else "names nobody: skipped"
    return f"level {skipped.level}{_cycle(skipped.cycle)} {why}"


def _escalation_exhausted(event: pb.IncidentEvent) -> str:
    cycle = event.escalation_exhausted.cycle
    passes = f" {cycle} times" if cycle > 1 else ""
    return f"exhausted: every level was notified{passes}, nobody answered"


def _acknowledged(event: pb.IncidentEvent) -> str:
    note = f': "{one_line(event.acknowledged.note)}"' if event.acknowledged.note else ""
    told = event.acknowledged
    until = f" until {clock_time(told.expire_time, event.event_time)}" if told.HasField("expire_time") else ""
    return f"acknowledged by {one_line(told.acknowledged_by)}{until}{note}"


def _resolved(_: pb.IncidentEvent) -> str:
    return "resolved: the service is healthy again"


def _level_notified(event: pb.IncidentEvent) -> str:
    notified = event.level_notified
    level = f"level {notified.level}{_cycle(notified.cycle)}"
    fault = f" ({one_line(notified.policy_fault)})" if notified.policy_fault else ""
    policy = f"policy {one_line(notified.policy_id)} r{notified.policy_revision}"
    if notified.policy_source == _Source.POLICY_SOURCE_CATCH_ALL:
        subject = f"{level}: no policy to be had{fault}, catch-all target notified"
    elif notified.policy_source == _Source.POLICY_SOURCE_LAST_KNOWN:
        subject = f"{level} of the last known {policy}{fault} notified"
    else:
        subject = f"{level} of {policy} notified"
    missing = unreached(notified.unreached)
    not_reached = f"; not reached: {missing}" if missing else ""
    return f"{subject}: {in_words(notified.targets)}{not_reached}{_next(event)}"


def _next(event: pb.IncidentEvent) -> str:
    notified = event.level_notified
    if notified.HasField("next_escalation_time"):
        return f"; next at {clock_time(notified.next_escalation_time, event.event_time)}"
    if notified.HasField("acknowledgement_timeout"):
        return f"; {written_duration(notified.acknowledgement_timeout.ToTimedelta())} to acknowledge"
    return ""


def _notification_settled(event: pb.IncidentEvent) -> str:
    settled = event.notification_settled
    page = f", page {settled.step + 1}" if settled.step else ""
    target, how = whom(settled.target) + page, whom_and_how(settled.target) + page
    reason = f": {one_line(settled.reason)}" if settled.reason else ""
    doubled = " (possibly more than once)" if settled.possibly_duplicated else ""
    match settled.outcome:
        case _Settled.OUTCOME_HANDED_OFF:
            return f"handed off to {target} by {one_line(settled.provider) or 'its provider'}{doubled}"
        case _Settled.OUTCOME_MERGED:
            return f"handed off to {target} together with others, in {one_line(settled.bundle_id)}{doubled}"
        case _Settled.OUTCOME_UNDELIVERABLE:
            return f"undeliverable to {how}{reason}"
        case _Settled.OUTCOME_CANCELLED:
            sent = " (it may have been sent before)" if settled.possibly_duplicated else ""
            return f"page to {target} {'is not needed any more' if settled.before_due else 'cancelled'}{reason}{sent}"
        case _Settled.OUTCOME_IN_DOUBT:
            return f"in doubt whether {how} was reached{reason}{doubled}"
    return f"page to {target} ended: {enum_word(_Settled.Outcome, settled.outcome)}{reason}"


def _style(event: pb.IncidentEvent, kind: str | None) -> str:
    if kind != "notification_settled":
        return _STYLES.get(kind or "", "")
    lost = (_Settled.OUTCOME_UNDELIVERABLE, _Settled.OUTCOME_IN_DOUBT)
    return "red" if event.notification_settled.outcome in lost else ""


def severity_word(severity: pb.Incident.Severity.ValueType) -> str:
    """The severity as a word; one that was not said counts as critical."""
    return enum_word(pb.Incident.Severity, severity or pb.Incident.SEVERITY_CRITICAL)


def _alert(alert: pb.Alert) -> str:
    return f'"{one_line(alert.message)}" ({severity_word(alert.severity)})'


def _cycle(cycle: int) -> str:
    return f" (cycle {cycle})" if cycle > 1 else ""


_SENTENCES: Mapping[str, Callable[[pb.IncidentEvent], str]] = {
    "opened": _opened,
    "alert_repeated": _alert_repeated,
    "level_notified": _level_notified,
    "level_skipped": _level_skipped,
    "level_undeliverable": _level_undeliverable,
    "escalation_exhausted": _escalation_exhausted,
    "acknowledged": _acknowledged,
    "resolved": _resolved,
    "notification_settled": _notification_settled,
    **timeline_silence.SENTENCES,
}
