"""Rows of the lists, and the head of one incident."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from pager_cli.moments import distance, full_time
from pager_cli.output import Cell, Styled, print_line, print_table
from pager_cli.timeline import severity_word
from pager_cli.timeline_silence import assignee_words
from pager_cli.words import enum_word, many_lines, one_line
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as notifier_pb
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb

_STYLES = {"open": "bold red", "unhealthy": "bold red", "acknowledged": "cyan", "resolved": "green", "healthy": "green"}


def print_services(services: Iterable[pb.MonitoredService], now: datetime) -> None:
    """One row a service."""
    rows = [
        (
            one_line(service.monitored_service_id),
            _state(enum_word(pb.MonitoredService.State, service.state)),
            distance(service.update_time, now),
            service.incident_id or "-",
        )
        for service in services
    ]
    print_table(("SERVICE", "STATE", "SINCE", "INCIDENT"), rows, ("SINCE",))


def print_incidents(incidents: Iterable[pb.Incident], now: datetime) -> None:
    """One row an incident."""
    titles = ("INCIDENT", "SERVICE", "STATE", "SEVERITY", "LEVEL", "ALERTS", "OPENED", "NEXT", "MESSAGE")
    first_out = ("ALERTS", "LEVEL", "OPENED", "NEXT", "SEVERITY")
    print_table(titles, [_incident_row(incident, now) for incident in incidents], first_out)


def _incident_row(incident: pb.Incident, now: datetime) -> tuple[Cell, ...]:
    return (
        incident.incident_id,
        one_line(incident.monitored_service_id),
        _state(_incident_state(incident)),
        severity_word(incident.severity),
        str(incident.level),
        str(incident.alert_count),
        distance(incident.open_time, now),
        distance(incident.next_escalation_time, now) if incident.HasField("next_escalation_time") else "-",
        one_line(incident.message),
    )


def _incident_state(incident: pb.Incident) -> str:
    word = enum_word(pb.Incident.State, incident.state)
    return f"{word}, exhausted" if incident.exhausted and word == "open" else word


def _state(word: str) -> Styled:
    return Styled(word, _STYLES.get(word.partition(",")[0], ""))


def print_incident(incident: pb.Incident, now: datetime) -> None:
    """The head of one incident: everything but its timeline."""
    for name, value in _fields_of(incident, now):
        print_line(Styled(f"{name:<16}", "bold"), value)
    for link in incident.links:
        print_line(Styled(f"{'link':<16}", "bold"), one_line(f"{link.url} {link.text}".strip()))
    if incident.details:
        print_line(Styled("details", "bold"))
        for line in many_lines(incident.details).split("\n"):
            print_line(f"  {line}".rstrip())


def _fields_of(incident: pb.Incident, now: datetime) -> Iterator[tuple[str, Cell]]:
    yield "incident", incident.incident_id
    yield "service", one_line(incident.monitored_service_id)
    yield "state", _state(_incident_state(incident))
    yield "message", one_line(incident.message)
    yield "severity", severity_word(incident.severity)
    yield "alerts", str(incident.alert_count)
    if incident.dedup_key:
        yield "dedup key", one_line(incident.dedup_key)
    yield "policy", _pinned_policy(incident)
    yield "level", f"{incident.level}, cycle {incident.cycle}" if incident.cycle else "none notified yet"
    yield "opened", f"{full_time(incident.open_time)} ({distance(incident.open_time, now)})"
    if incident.HasField("next_escalation_time"):
        when = incident.next_escalation_time
        yield _what_comes(incident), f"{full_time(when)} ({distance(when, now)})"
    if incident.HasField("hold_end_time"):
        window = incident.maintenance_window_id
        by = f" by the maintenance window {one_line(window)}" if window else ""
        yield "held until", f"{full_time(incident.hold_end_time)}{by}"
    if incident.HasField("assigned_to"):
        yield "given to", assignee_words(incident.assigned_to)
    if incident.HasField("acknowledge_time"):
        note = f': "{one_line(incident.acknowledge_note)}"' if incident.acknowledge_note else ""
        yield "acknowledged", f"{full_time(incident.acknowledge_time)} by {one_line(incident.acknowledged_by)}{note}"
    if incident.HasField("resolve_time"):
        yield "resolved", full_time(incident.resolve_time)


def _what_comes(incident: pb.Incident) -> str:
    if incident.state == pb.Incident.STATE_ACKNOWLEDGED:
        return "open again"
    # The catch-all has one level: the pager looks whether the policy is back, or ends the escalation.
    return "next level" if incident.policy_id or not incident.cycle else "next look"


def _pinned_policy(incident: pb.Incident) -> str:
    if incident.policy_id:
        return f"{one_line(incident.policy_id)} r{incident.policy_revision}"
    return "none yet" if not incident.cycle else "none, the catch-all target was paged"


def print_policies(policies: Iterable[policy_pb.EscalationPolicy], now: datetime) -> None:
    """One row a policy."""
    rows = [
        (
            one_line(policy.policy_id),
            f"r{policy.revision}",
            str(len(policy.levels)),
            str(policy.repeat_count),
            distance(policy.update_time, now),
            one_line(policy.display_name) or "-",
            _covered(policy),
        )
        for policy in policies
    ]
    titles = ("POLICY", "REVISION", "LEVELS", "REPEAT", "CHANGED", "NAME", "SERVICES")
    print_table(titles, rows, ("REVISION", "CHANGED", "REPEAT", "LEVELS", "NAME"))


def _covered(policy: policy_pb.EscalationPolicy) -> str:
    names = [one_line(name) for name in policy.monitored_service_ids]
    return ", ".join([*(["(default)"] if policy.default_policy else []), *names]) or "-"


def print_deliveries(deliveries: Iterable[notifier_pb.Delivery], now: datetime) -> None:
    """One row a line of the notifier's ledger."""
    rows = [
        (
            delivery.delivery_id,
            enum_word(notifier_pb.Delivery.Channel, delivery.channel),
            enum_word(notifier_pb.Delivery.State, delivery.state),
            one_line(delivery.recipient_hint),
            str(delivery.attempt_count),
            one_line(delivery.provider) or "-",
            distance(delivery.update_time, now),
            one_line(delivery.provider_answer) or "-",
        )
        for delivery in deliveries
    ]
    titles = ("DELIVERY", "CHANNEL", "STATE", "TO", "ATTEMPTS", "PROVIDER", "CHANGED", "ANSWER")
    print_table(titles, rows, ("ATTEMPTS", "PROVIDER", "CHANNEL", "CHANGED"))
