"""Whether there is such a policy or person."""

import grpc

from pager_cli.connection import connected
from pager_cli.outcome import REFUSED, CommandFailed
from pager_cli.peer import Peer
from pager_cli.running import complain
from pager_cli.sentences import command_failed
from pager_cli.timeline_silence import assignee_words
from pager_grpc.client.calling import Caller
from pager_grpc.client.errors import PagerError
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.policy.v1 import people_service_pb2 as people_pb
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.gen.policy.v1.people_service_pb2_grpc import PeopleServiceStub
from pager_grpc.gen.policy.v1.policy_service_pb2_grpc import PolicyServiceStub


async def refuse_unknown(policy: Peer, assignee: pb.Assignee) -> None:
    """Says on stderr what the pager does if nobody can be asked; ``policy`` is the policy service.

    Raises:
        CommandFailed: there is no such policy or person.
    """
    try:
        unknown = await unknown_to(policy, assignee)
    except CommandFailed as failed:
        complain(
            f"whether there is the {assignee_words(assignee)} is not known ({failed.sentence}); if there is not, the "
            "pager gives the incident back to the former policy, which begins anew if it did not stand in meanwhile"
        )
        return
    if unknown:
        raise CommandFailed(REFUSED, f"{unknown}; nothing was changed")


async def unknown_to(policy: Peer, assignee: pb.Assignee) -> str:
    """The sentence that there is no such policy or person; empty if there is.

    Raises:
        CommandFailed: the policy service cannot be asked, or does not tell whoever asks.
    """
    async with connected(policy) as (channel, caller):
        failed = await _unknown(channel, caller, assignee)
    return command_failed(policy, failed).sentence if failed is not None else ""


async def _unknown(channel: grpc.aio.Channel, caller: Caller, assignee: pb.Assignee) -> PagerError | None:
    """The answer that there is no such thing; None if there is."""
    people = PeopleServiceStub(channel)
    try:
        if assignee.policy_id:
            request = policy_pb.GetEscalationPolicyRequest(policy_id=assignee.policy_id)
            await caller.read(PolicyServiceStub(channel).GetEscalationPolicy, request)
        else:
            await caller.read(people.GetPerson, people_pb.GetPersonRequest(person_id=assignee.person_id))
    except PagerError as failed:
        if failed.reason == "ERROR_REASON_PERSON_UNKNOWN":
            # It says so of others to whom sees only itself, too. Only who may list everybody is told the truth.
            await caller.read(people.ListPeople, people_pb.ListPeopleRequest(page_size=1))
        elif failed.reason != "ERROR_REASON_POLICY_UNKNOWN":
            raise
        return failed
    return None
