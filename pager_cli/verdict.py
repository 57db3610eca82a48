"""Whether paging works now, from what the three rooms say. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

from pager_cli.moments import rough
from pager_cli.spans import since
from pager_cli.words import counted, one_line
from pager_grpc.gen.status.v1 import status_service_pb2 as pb

ROOMS = ("pager", "policy", "notifier")
LATE_PAGE, LOST_PAGE = timedelta(seconds=30), timedelta(seconds=120)
LATE_LEVEL = timedelta(seconds=15)
"""The loops look every 2 seconds."""
LATE_CANARY, LATE_AUDIT = timedelta(seconds=180), timedelta(seconds=600)
FRESH_FAILURE = timedelta(minutes=10)
SOON = timedelta(days=14)
_NOBODY = (
    "none of the three services answers; start them with `pagerd up`, or give --target, --policy-target and "
    "--notifier-target host:port; where they demand certificates, PAGERCTL_TLS_CA, _CERT and _KEY"
)


class Weight(IntEnum):
    """How bad a finding is; the heaviest one decides."""

    DEGRADED = 1
    UNKNOWN = 2
    BROKEN = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What is not as it should be, as a clause without its full stop."""

    weight: Weight
    sentence: str


@dataclass(frozen=True, slots=True)
class Sight:
    """One room as pagerctl sees it: its status, or why there is none. ``refused``: it answered, and told nothing."""

    room: str
    target: str
    status: pb.Status | None = None
    failure: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """All that was seen; ``unreached`` services would reach nobody within a day, by so many ``policies``.

    Both are None if nobody could say.
    """

    sights: dict[str, Sight]
    unreached: int | None
    policies: int | None

    def status(self, room: str) -> pb.Status | None:
        """What ``room`` said, if it did."""
        return self.sights[room].status


@dataclass(frozen=True, slots=True)
class Verdict:
    """``weight`` is None if paging works; ``sentence`` is the first line of the screen."""

    weight: Weight | None
    sentence: str
    findings: Sequence[Finding]

    @property
    def word(self) -> str:
        """For machines."""
        return "works" if self.weight is None else self.weight.name.lower()


def verdict(seen: Seen) -> Verdict:
    """What all of it means; the worst comes first."""
    findings = sorted(_findings(seen), key=lambda finding: -finding.weight)
    if not findings:
        return Verdict(None, "Paging works." + _reservation(seen), ())
    worst = findings[0]
    beginning = {
        Weight.BROKEN: "Paging does not work",
        Weight.UNKNOWN: "Nobody can tell whether paging works",
        Weight.DEGRADED: "Paging works, but not all is well",
    }[worst.weight]
    return Verdict(worst.weight, f"{beginning}: {worst.sentence}.", findings)


def _reservation(seen: Seen) -> str:
    notifier = seen.status("notifier")
    if notifier is None or not notifier.providers:
        return ""
    folders = [_channel(provider) for provider in notifier.providers if provider.name == "mailbox"]
    if not folders:
        return ""
    everything = len(folders) == len(notifier.providers)
    return f" {'Everything' if everything else folders[0]} goes into the mailbox folder and reaches nobody."


def _findings(seen: Seen) -> Iterator[Finding]:
    if all(sight.status is None and not sight.refused for sight in seen.sights.values()):
        yield Finding(Weight.UNKNOWN, _NOBODY)
        return
    for sight in seen.sights.values():
        yield from _of_a_sight(sight, seen.status("pager"))
    for room in ROOMS:
        if (status := seen.status(room)) is not None:
            yield from _of_any_room(status)
    if (pager := seen.status("pager")) is not None:
        yield from _of_neighbors(pager, seen)
        yield from _of_backlog(pager.paging.backlog)
        yield from _of_audit(pager)
        yield from _of_canary(pager)
    if (notifier := seen.status("notifier")) is not None:
        for provider in notifier.providers:
            yield from _of_provider(provider, notifier)
    if seen.unreached:
        services = counted(seen.unreached, "service")
        yield Finding(
            Weight.DEGRADED, f"{services} would reach nobody at some time within a day (`pagerctl policy check`)"
        )


def _of_a_sight(sight: Sight, pager: pb.Status | None) -> Iterator[Finding]:
    if sight.status is not None:
        return
    if sight.room == "pager":
        yield Finding(Weight.UNKNOWN if sight.refused else Weight.BROKEN, sight.failure)
    elif sight.refused or pager is None or _reaches(pager, sight.room):
        yield Finding(Weight.DEGRADED, sight.failure)


def _of_neighbors(pager: pb.Status, seen: Seen) -> Iterator[Finding]:
    for neighbor in pager.neighbors:
        if neighbor.reached:
            continue
        elsewhere = "" if seen.status(neighbor.room) is None else ", though it answers here"
        if neighbor.room == "notifier":
            yield Finding(Weight.BROKEN, f"the pager does not reach the notifier{elsewhere}; pages wait")
        else:
            yield Finding(
                Weight.DEGRADED,
                f"the pager does not reach the policy service{elsewhere}; it pages by what it last knew",
            )


def _of_any_room(status: pb.Status) -> Iterator[Finding]:
    if not status.database.reached:
        weight = Weight.DEGRADED if status.room == "policy" else Weight.BROKEN
        yield Finding(weight, f"the {status.room} does not reach its database ({one_line(status.database.failure)})")
    if status.security.HasField("certificate_expire_time"):
        left = -since(status.security.certificate_expire_time, status)
        if left < timedelta():
            yield Finding(Weight.BROKEN, f"a certificate of the {status.room} expired {rough(-left)} ago")
        elif left < SOON:
            yield Finding(Weight.DEGRADED, f"a certificate of the {status.room} expires in {rough(left)}")


def _of_backlog(backlog: pb.Backlog) -> Iterator[Finding]:
    page, level = backlog.oldest_page_age.ToTimedelta(), backlog.oldest_level_age.ToTimedelta()
    if page >= LATE_PAGE:
        weight = Weight.BROKEN if page >= LOST_PAGE else Weight.DEGRADED
        yield Finding(weight, f"a page has been owed for {rough(page)} and is not handed off")
    if level >= LATE_LEVEL:
        yield Finding(Weight.BROKEN, f"a level has been due for {rough(level)} and nobody is notified")
    if exhausted := backlog.exhausted_incident_count:
        yield Finding(Weight.DEGRADED, f"{counted(exhausted, 'incident')} escalated to the end without an answer")


def _of_audit(pager: pb.Status) -> Iterator[Finding]:
    if not pager.paging.HasField("audit"):
        return
    audit = pager.paging.audit
    if audit.broken_promise_count:
        broken = counted(audit.broken_promise_count, "broken promise")
        yield Finding(Weight.DEGRADED, f"the audit has found {broken}; the log names them")
    silent = since(audit.pass_time if audit.HasField("pass_time") else pager.start_time, pager)
    if silent > LATE_AUDIT:
        yield Finding(Weight.DEGRADED, f"the audit has not come through for {rough(silent)}")


def _of_canary(pager: pb.Status) -> Iterator[Finding]:
    if not pager.paging.HasField("canary"):
        return
    canary = pager.paging.canary
    silent = since(canary.success_time if canary.HasField("success_time") else pager.start_time, pager)
    if silent > LATE_CANARY:
        yield Finding(Weight.BROKEN, f"no canary has come through for {rough(silent)}")


def _of_provider(provider: pb.Provider, notifier: pb.Status) -> Iterator[Finding]:
    if not provider.HasField("failure_time") or since(provider.failure_time, notifier) > FRESH_FAILURE:
        return
    if provider.accept_time.ToNanoseconds() >= provider.failure_time.ToNanoseconds():
        return
    last = since(provider.accept_time, notifier) if provider.HasField("accept_time") else None
    took = f"it last took one {rough(last)} ago" if last is not None else "it has taken none since the notifier began"
    name = f"{_channel(provider)} ({one_line(provider.name)})"
    yield Finding(Weight.DEGRADED, f"{name} does not take messages: {one_line(provider.failure)}; {took}")


def _reaches(pager: pb.Status, room: str) -> bool:
    return all(neighbor.reached for neighbor in pager.neighbors if neighbor.room == room)


def _channel(provider: pb.Provider) -> str:
    names = {pb.Provider.CHANNEL_EMAIL: "E-mail", pb.Provider.CHANNEL_SMS: "SMS"}
    return names.get(provider.channel, "A channel that this pagerctl does not know")
