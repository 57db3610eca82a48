"""Why somebody was paged by an incident, or was not: read out of its timeline. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from pager_cli.durations import written_duration
from pager_cli.moments import full_time
from pager_cli.targets import because, unreached, whom_and_how
from pager_cli.timeline_silence import SENTENCES
from pager_cli.words import enum_word, one_line
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

_Settled = pb.IncidentEvent.NotificationSettled


@dataclass(frozen=True, slots=True)
class Line:
    """One reason, and the moment it is about."""

    moment: Timestamp
    sentence: str


def explained(events: Sequence[pb.IncidentEvent], person: str) -> list[Line]:
    """Why the levels paged whom they paged; with a ``person``, only what concerns that one.

    A target that is an address counts as a person named like the target.
    """
    lines = (line for event in events for line in _lines(event, events, person))
    return sorted(lines, key=lambda line: (line.moment.seconds, line.moment.nanos))


def was_paged(events: Sequence[pb.IncidentEvent], person: str) -> bool:
    """Whether a level notified ``person``."""
    return any(person in {t.person_id, t.target_id} for e in events for t in e.level_notified.targets)


def is_named(events: Sequence[pb.IncidentEvent], person: str) -> bool:
    """Whether a level notified ``person``, passed over it or was skipped with it."""
    missed = (t for e in events for t in (*e.level_notified.unreached, *e.level_skipped.unreached))
    return was_paged(events, person) or any(person in {t.person_id, t.target_id} for t in missed)


def _lines(event: pb.IncidentEvent, events: Sequence[pb.IncidentEvent], person: str) -> Iterator[Line]:
    match event.WhichOneof("event"):
        case "level_notified":
            yield from _level_lines(event, event.level_notified, events, person)
        case "level_skipped":
            level = event.level_skipped
            for target in level.unreached:
                if person in {"", target.person_id, target.target_id}:
                    yield Line(event.event_time, f"{_level(level)} reached nobody and was skipped: {_missed(target)}")
            if not level.unreached and not person:
                yield Line(event.event_time, f"{_level(level)} named nobody and was skipped")
        case "acknowledged":
            who = one_line(event.acknowledged.acknowledged_by)
            yield Line(event.event_time, f"{who} acknowledged: no further page")
        case "resolved":
            yield Line(event.event_time, "the service was healthy again: no further page")
        case "escalation_exhausted":
            yield Line(event.event_time, "every level had been notified, and nobody answered")
        case str() as kind if kind in SENTENCES:
            yield Line(event.event_time, SENTENCES[kind](event))


def _level_lines(
    event: pb.IncidentEvent,
    level: pb.IncidentEvent.LevelNotified,
    events: Sequence[pb.IncidentEvent],
    person: str,
) -> Iterator[Line]:
    concerned = [target for target in level.targets if person in {"", target.person_id, target.target_id}]
    for target in concerned:
        for step, delay in enumerate(target.delays or [None]):
            moment = _later(event.event_time, delay.ToTimedelta() if delay is not None else timedelta())
            outcome = _outcome(level, target, step, events)
            yield Line(moment, f"{_level(level)} paged {whom_and_how(target)}: {_because(level, target)}; {outcome}")
    missed = [other for other in level.unreached if person in {"", other.person_id, other.target_id}]
    for other in missed:
        yield Line(event.event_time, f"{_level(level)} passed over {_missed(other)}")
    if person and not concerned and not missed:
        others = ", ".join(dict.fromkeys(f"{_name(target)} ({_because(level, target)})" for target in level.targets))
        yield Line(event.event_time, f"{_level(level)} did not page {one_line(person)}, but {others or 'nobody'}")


def _level(level: pb.IncidentEvent.LevelNotified | pb.IncidentEvent.LevelSkipped) -> str:
    return f"level {level.level}" + (f" (cycle {level.cycle})" if level.cycle > 1 else "")


def _because(level: pb.IncidentEvent.LevelNotified, target: pb.NotifiedTarget) -> str:
    if level.policy_source == pb.IncidentEvent.LevelNotified.POLICY_SOURCE_CATCH_ALL:
        return f"no policy to be had, {one_line(level.policy_fault)}"
    return because(target) + (f", as last known ({one_line(level.policy_fault)})" if level.policy_fault else "")


def _name(target: pb.NotifiedTarget) -> str:
    return one_line(target.person_id or target.target_id)


def _missed(target: pb.UnreachedTarget) -> str:
    if target.reason == pb.UnreachedTarget.REASON_NOT_ITS_TURN:
        return f"{one_line(target.target_id)}: another target of the level had the turn"
    return unreached([target])


def _outcome(
    level: pb.IncidentEvent.LevelNotified, target: pb.NotifiedTarget, step: int, events: Sequence[pb.IncidentEvent]
) -> str:
    page = (
        level.cycle,
        level.level,
        target.target_id,
        target.person_id,
        target.contact_method_id,
        target.channel,
        step,
    )
    for event in events:
        settled, whom = event.notification_settled, event.notification_settled.target
        same = (settled.cycle, settled.level, whom.target_id, whom.person_id, whom.contact_method_id, whom.channel)
        if event.WhichOneof("event") == "notification_settled" and (*same, settled.step) == page:
            return _ended(settled)
    return "waiting"


def _ended(settled: pb.IncidentEvent.NotificationSettled) -> str:
    reason = f" ({one_line(settled.reason)})" if settled.reason else ""
    if settled.outcome == _Settled.OUTCOME_CANCELLED and settled.before_due:
        return "cancelled before its time"
    return enum_word(_Settled.Outcome, settled.outcome) + reason


def _later(moment: Timestamp, delay: timedelta) -> Timestamp:
    later = Timestamp()
    later.FromDatetime(moment.ToDatetime() + delay)
    return later


def next_page_line(
    pages: Sequence[pb.PreviewEscalationResponse.PreviewedPage], person: str, after: Timestamp
) -> str | None:
    """When ``person`` would have been paged had nobody answered at ``after``; None if never."""
    for page in pages:
        if (
            person in {page.target.person_id, page.target.target_id}
            and page.page_time.ToDatetime() > after.ToDatetime()
        ):
            when = written_duration(_rounded(page.page_time.ToDatetime() - after.ToDatetime()))
            return (
                f"had nobody answered, level {page.level} would have paged {one_line(person)} {when} later, "
                f"at {full_time(page.page_time)} (by the schedules as they are now)"
            )
    return None


def _rounded(span: timedelta) -> timedelta:
    return timedelta(seconds=round(span.total_seconds()))
