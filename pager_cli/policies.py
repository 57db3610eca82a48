"""The policy commands: list, show, delete."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import grpc

from pager_cli.alerts import text_of
from pager_cli.connection import connected
from pager_cli.incidents import incidents_of
from pager_cli.moments import full_time
from pager_cli.outcome import USAGE, CommandFailed
from pager_cli.output import as_json, print_json, print_line
from pager_cli.paging import rows_of
from pager_cli.peer import Peer
from pager_cli.policy_file import PolicyFileFaults, written_policies
from pager_cli.running import complain
from pager_cli.tables import print_policies
from pager_cli.words import one_line
from pager_grpc.client.calling import Caller
from pager_grpc.client.errors import NotAnswered, PagerError
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pager_pb
from pager_grpc.gen.pager.v1.pager_service_pb2_grpc import PagerServiceStub
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.gen.policy.v1.policy_service_pb2_grpc import PolicyServiceStub

T = TypeVar("T")

_MOST_INCIDENTS = 10_000


def read_file(file: str, read: Callable[[str], T]) -> T:
    """What ``read`` makes of a file, or of standard input for ``-``; its faults are printed and end the command."""
    text = text_of(file if file == "-" else f"@{file}")
    try:
        return read(text)
    except PolicyFileFaults as faults:
        for sentence in faults.sentences:
            complain(sentence)
        count = len(faults.sentences)
        raise CommandFailed(USAGE, f"{file}: {count} fault{'s' * (count > 1)}, nothing was applied") from faults


async def all_policies(stub: PolicyServiceStub, caller: Caller) -> list[pb.EscalationPolicy]:
    """Every policy, ordered by id."""
    policies, _ = await rows_of(
        lambda size, token: caller.read(
            stub.ListEscalationPolicies, pb.ListEscalationPoliciesRequest(page_size=size, page_token=token)
        ),
        lambda answer: answer.escalation_policies,
    )
    return policies


async def list_policies(peer: Peer, *, as_machine: bool) -> None:
    """Prints every policy."""
    async with connected(peer) as (channel, caller):
        policies = await all_policies(PolicyServiceStub(channel), caller)
    if as_machine:
        print_json({"escalation_policies": [as_json(policy) for policy in policies]})
    elif policies:
        print_policies(policies, datetime.now(UTC))
    else:
        print_line("no policies yet; `pagerctl apply FILE` brings them")


async def show_policy(peer: Peer, pager: Peer, policy_id: str, *, as_machine: bool) -> None:
    """Prints one policy as a file that can be applied again, and how many incidents keep which revision."""
    async with connected(peer) as (channel, caller):
        request = pb.GetEscalationPolicyRequest(policy_id=policy_id)
        answer = await caller.read(PolicyServiceStub(channel).GetEscalationPolicy, request)
    if as_machine:
        print_json(as_json(answer))
        return
    policy = answer.escalation_policy
    print_line(f"# revision {policy.revision}, made {full_time(policy.update_time)}")
    for line in await _kept_revisions(pager, policy_id):
        print_line(f"# {line}")
    print_line(written_policies([policy]).rstrip("\n"))


async def _kept_revisions(pager: Peer, policy_id: str) -> list[str]:
    """An incident keeps the revision that it was opened with, whatever becomes of the policy."""
    unresolved = [pager_pb.Incident.STATE_OPEN, pager_pb.Incident.STATE_ACKNOWLEDGED]
    try:
        async with connected(pager) as (channel, caller):
            incidents, more = await incidents_of(PagerServiceStub(channel), caller, "", unresolved, _MOST_INCIDENTS)
    except CommandFailed as failed:
        return [f"which incidents keep which revision is not known: {failed.sentence}"]
    kept = Counter(incident.policy_revision for incident in incidents if incident.policy_id == policy_id)
    least = "at least " if more else ""
    return [
        f"{least}{count} unresolved incident{'s keep' if count > 1 else ' keeps'} revision {revision}"
        for revision, count in sorted(kept.items())
    ]


async def delete_policy(peer: Peer, policy_id: str, *, as_machine: bool) -> None:
    """Ends one policy; a policy that somebody changed in between is looked at again once."""
    get = pb.GetEscalationPolicyRequest(policy_id=policy_id)
    async with connected(peer) as (channel, caller):
        stub = PolicyServiceStub(channel)
        undecided = False
        for last in (False, True):
            try:
                policy = (await caller.read(stub.GetEscalationPolicy, get)).escalation_policy
                delete = pb.DeleteEscalationPolicyRequest(policy_id=policy_id, etag=policy.etag)
                await caller.once(stub.DeleteEscalationPolicy, delete)
                break
            except PagerError as failed:
                if undecided and failed.fault.code is grpc.StatusCode.NOT_FOUND:
                    break  # the first attempt had its effect
                if last or not (isinstance(failed, NotAnswered) or failed.fault.code is grpc.StatusCode.ABORTED):
                    raise
                undecided = isinstance(failed, NotAnswered)
    if as_machine:
        print_json({})
    else:
        print_line(f"{one_line(policy_id)} deleted")
