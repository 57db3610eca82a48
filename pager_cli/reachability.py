"""``pagerctl policy check``: would every page reach somebody?"""

from collections.abc import Iterator
from datetime import timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from pager_cli.connection import connected
from pager_cli.moments import local
from pager_cli.outcome import REFUSED, CommandFailed
from pager_cli.output import Cell, Styled, as_json, print_json, print_line, print_table
from pager_cli.peer import Peer
from pager_cli.words import counted, one_line
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.gen.policy.v1.policy_service_pb2_grpc import PolicyServiceStub

_Kind = pb.ReachabilityFinding.Kind
_WARNING = pb.ReachabilityFinding.SEVERITY_WARNING


async def check_policies(peer: Peer, policy_id: str, *, days: float, strict: bool, as_machine: bool) -> None:
    """Prints what would keep pages from reaching somebody.

    Raises:
        CommandFailed: nobody would be reached at some time, or, if ``strict``, anything was found.
    """
    request = pb.CheckReachabilityRequest(policy_id=policy_id)
    request.horizon.FromTimedelta(timedelta(days=days))
    async with connected(peer) as (channel, caller):
        answer = await caller.read(PolicyServiceStub(channel).CheckReachability, request)
    if as_machine:
        print_json(as_json(answer))
    elif answer.findings:
        titles = ("SEVERITY", "POLICY", "LEVEL", "FROM", "UNTIL", "FINDING")
        print_table(titles, [tuple(_row(finding)) for finding in answer.findings], ("UNTIL", "FROM", "LEVEL"))
    errors = sum(finding.severity != _WARNING for finding in answer.findings)
    warnings = len(answer.findings) - errors
    sentence = (
        f"{counted(errors, 'error')} and {counted(warnings, 'warning')}{_omitted(answer)} in {_looked_at(answer)}"
    )
    if errors or (strict and answer.findings):
        raise CommandFailed(REFUSED, sentence)
    if not as_machine:
        print_line(sentence)


def _row(finding: pb.ReachabilityFinding) -> Iterator[Cell]:
    warning = finding.severity == _WARNING
    yield Styled("warning", "yellow") if warning else Styled("error", "bold red")
    yield one_line(finding.policy_id)
    yield str(finding.level or "-")
    yield _when(finding.start_time)
    yield _when(finding.end_time)
    yield _words(finding)


def _when(moment: Timestamp) -> str:
    return local(moment).strftime("%Y-%m-%d %H:%M %Z") if moment.seconds else "-"


def _words(finding: pb.ReachabilityFinding) -> str:
    person, schedule = one_line(finding.person_id), one_line(finding.schedule_id)
    method = one_line(finding.contact_method_id)
    words = {
        _Kind.KIND_NOBODY_REACHED: "no level reaches anybody",
        _Kind.KIND_SCHEDULE_GAP: f"nobody is on call on {schedule}",
        _Kind.KIND_NO_VERIFIED_CONTACT_METHOD: f"{person} has no verified contact method",
        _Kind.KIND_SINGLE_POINT_OF_FAILURE: "an incident may reach one person only",
        _Kind.KIND_ONE_CHANNEL: "everything goes by one channel",
        _Kind.KIND_UNVERIFIED_STEP: f"a rule of {person} uses {method}, which is not verified",
        _Kind.KIND_PAGE_TOO_LATE: f"a rule of {person} waits as long as the level; its first step is taken at once",
    }
    return words.get(finding.kind, "something that this pagerctl does not know")


def _omitted(answer: pb.CheckReachabilityResponse) -> str:
    return f" and {answer.omitted_count} more findings" if answer.omitted_count else ""


def _looked_at(answer: pb.CheckReachabilityResponse) -> str:
    unreached = answer.unreached_service_count
    services = f"; {counted(unreached, 'service')} would reach nobody at some time" if unreached else ""
    return counted(answer.checked_policy_count, "policy", "policies") + services
