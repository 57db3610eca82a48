"""The screen of ``pagerctl status``: the verdict, the services, and a line for each part of paging."""

from collections.abc import Iterable, Iterator, Mapping

from pager_cli.moments import rough
from pager_cli.output import Cell, Styled, print_line, print_table
from pager_cli.spans import milliseconds, since
from pager_cli.verdict import LATE_CANARY, LATE_PAGE, LOST_PAGE, ROOMS, Finding, Seen, Sight, Verdict, Weight
from pager_cli.words import counted, enum_word, one_line
from pager_grpc.gen.status.v1 import status_service_pb2 as pb

_STYLES = {None: "bold green", Weight.DEGRADED: "bold yellow", Weight.UNKNOWN: "bold yellow", Weight.BROKEN: "bold red"}
_NOTHING_KNOWN = "not known"
_MOST_COUNTED = 5000


def print_screen(seen: Seen, judged: Verdict) -> None:
    """Prints all of it."""
    print_line(Styled(judged.sentence, _STYLES[judged.weight]))
    for finding in judged.findings[1:]:
        print_line(Styled(f"  also: {finding.sentence}", _STYLES[finding.weight].removeprefix("bold ")))
    print_line("")
    titles = ("SERVICE", "AT", "VERSION", "UP FOR", "DATABASE")
    print_table(titles, [_service(seen.sights[room]) for room in ROOMS], ("VERSION", "UP FOR", "AT"))
    if any(sight.status for sight in seen.sights.values()):
        print_line("")
        print_table(("WHAT", "HOW IT IS"), list(_lines(seen)))


def as_document(seen: Seen, judged: Verdict, statuses: Mapping[str, object]) -> dict[str, object]:
    """The same for machines; ``statuses`` are those of the rooms, as JSON."""
    return {
        "verdict": judged.word,
        "sentence": judged.sentence,
        "findings": [_finding(finding) for finding in judged.findings],
        "services": {
            room: {"target": sight.target, "failure": sight.failure, "status": statuses[room]}
            for room, sight in seen.sights.items()
        },
        "unreached_service_count": seen.unreached,
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {"weight": finding.weight.name.lower(), "sentence": finding.sentence}


def _service(sight: Sight) -> tuple[Cell, ...]:
    status = sight.status
    if status is None:
        said = Styled("does not tell" if sight.refused else "does not answer", "red")
        return sight.room, sight.target, "-", "-", said
    uptime = rough(since(status.start_time, status))
    return sight.room, sight.target, one_line(status.version), uptime, _database(status.database)


def _database(database: pb.Database) -> Cell:
    if not database.reached:
        return Styled(f"{one_line(database.engine)}, not reached: {one_line(database.failure)}", "red")
    said = f"{one_line(database.engine)}, answers in {milliseconds(database.answer_duration.ToTimedelta())}"
    if database.HasField("commit_duration"):
        said += f", commits in {milliseconds(database.commit_duration.ToTimedelta())}"
    return said


def _lines(seen: Seen) -> Iterator[tuple[Cell, Cell]]:
    pager, notifier = seen.status("pager"), seen.status("notifier")
    yield "pages", _pages(pager)
    yield "incidents", _incidents(pager)
    yield "audit", _audit(pager)
    yield "canary", _canary(pager)
    if notifier is not None:
        for provider in notifier.providers:
            yield enum_word(pb.Provider.Channel, provider.channel), _provider(provider, notifier)
    yield "policies", _policies(seen)
    yield "access", _access(seen)


def _pages(pager: pb.Status | None) -> Cell:
    if pager is None or not pager.paging.HasField("backlog"):
        return _NOTHING_KNOWN
    backlog = pager.paging.backlog
    stages = (
        (backlog.due_page_count, "due"),
        (backlog.in_flight_page_count, "in flight"),
        (backlog.postponed_page_count, "put off"),
        (backlog.later_page_count, "not owed yet"),
    )
    parts = _counts(*stages, (backlog.in_doubt_page_count, "in doubt"))
    if backlog.HasField("oldest_page_age"):
        parts.append(f"the oldest owed for {rough(backlog.oldest_page_age.ToTimedelta())}")
    if backlog.due_level_count:
        parts.append(f"{counted(backlog.due_level_count, 'level')} due")
    parts += _or_more(backlog, stages)
    said = ", ".join(parts) or "nothing is owed"
    oldest = backlog.oldest_page_age.ToTimedelta()
    return said if oldest < LATE_PAGE else Styled(said, "red" if oldest >= LOST_PAGE else "yellow")


def _counts(*counts: tuple[int, str]) -> list[str]:
    return [f"{count} {word}" for count, word in counts if count]


def _or_more(backlog: pb.Backlog, counts: Iterable[tuple[int, str]]) -> list[str]:
    """The status says that pages or incidents were not all counted, not which of them."""
    enough = sum(count for count, _ in counts) >= _MOST_COUNTED
    return ["or more: not all were counted"] if backlog.truncated and enough else []


def _incidents(pager: pb.Status | None) -> Cell:
    if pager is None or not pager.paging.HasField("backlog"):
        return _NOTHING_KNOWN
    backlog = pager.paging.backlog
    counts = (
        (backlog.open_incident_count, "open"),
        (backlog.acknowledged_incident_count, "acknowledged"),
        (backlog.held_incident_count, "held"),
        (backlog.exhausted_incident_count, "exhausted"),
    )
    said = ", ".join([*_counts(*counts), *_or_more(backlog, counts)]) or "none"
    return Styled(said, "yellow") if backlog.exhausted_incident_count else said


def _audit(pager: pb.Status | None) -> Cell:
    if pager is None or not pager.paging.HasField("audit"):
        return _NOTHING_KNOWN
    audit = pager.paging.audit
    if audit.broken_promise_count:
        return Styled(f"{counted(audit.broken_promise_count, 'broken promise')}; the log names them", "red")
    if not audit.HasField("pass_time"):
        return "has not come through since the pager began"
    return f"every promise kept, looked {rough(since(audit.pass_time, pager))} ago"


def _canary(pager: pb.Status | None) -> Cell:
    if pager is None:
        return _NOTHING_KNOWN
    if not pager.paging.HasField("canary"):
        return "not configured (PAGER_HEARTBEAT_URL)"
    canary = pager.paging.canary
    if not canary.HasField("success_time"):
        return "none has come through since the pager began"
    silent = since(canary.success_time, pager)
    said = f"came through {rough(silent)} ago"
    return said if silent <= LATE_CANARY else Styled(said, "red")


def _provider(provider: pb.Provider, notifier: pb.Status) -> Cell:
    name = "mailbox folder, reaches nobody" if provider.name == "mailbox" else one_line(provider.name)
    if not provider.HasField("accept_time") and not provider.HasField("failure_time"):
        return f"{name}; nothing was handed over since the notifier began"
    parts = [name]
    if provider.HasField("accept_time"):
        parts.append(f"took one {rough(since(provider.accept_time, notifier))} ago")
    if provider.HasField("failure_time"):
        parts.append(f"{one_line(provider.failure)} {rough(since(provider.failure_time, notifier))} ago")
    return "; ".join(parts)


def _policies(seen: Seen) -> Cell:
    if seen.unreached is None:
        return _NOTHING_KNOWN
    if seen.unreached:
        return Styled(f"{counted(seen.unreached, 'service')} would reach nobody at some time within a day", "yellow")
    if seen.policies == 0:
        return Styled("there is none: the catch-all target is paged for every service", "yellow")
    return "each service reaches somebody for a day"


def _access(seen: Seen) -> Cell:
    told = [status for room in ROOMS if (status := seen.status(room)) is not None]
    if not told:
        return _NOTHING_KNOWN
    encrypted = all(status.security.encrypted for status in told)
    required = all(status.security.authenticated for status in told)
    said = "callers must show who they are" if required else "open: whoever reaches a port may call"
    said += ", encrypted" if encrypted else ", plaintext"
    ends = [status for status in told if status.security.HasField("certificate_expire_time")]
    if ends:
        soonest = min(-since(status.security.certificate_expire_time, status) for status in ends)
        said += f", the first certificate expires in {rough(soonest)}"
    return said
