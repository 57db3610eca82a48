"""``pagerctl status``: whether paging works now."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from pager_cli.connection import connected
from pager_cli.outcome import NO_ANSWER, REFUSED, CommandFailed
from pager_cli.output import as_json, print_json
from pager_cli.peer import Peer
from pager_cli.status_screen import as_document, print_screen
from pager_cli.verdict import Seen, Sight, Weight, verdict
from pager_cli.words import one_line
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.gen.policy.v1.policy_service_pb2_grpc import PolicyServiceStub
from pager_grpc.gen.status.v1 import status_service_pb2 as pb
from pager_grpc.gen.status.v1.status_service_pb2_grpc import StatusServiceStub

HORIZON = timedelta(days=1)
"""So far ahead each policy must reach somebody."""
EXIT_CODES = {Weight.DEGRADED: REFUSED, Weight.BROKEN: REFUSED, Weight.UNKNOWN: NO_ANSWER}


async def show_status(peers: Sequence[Peer], *, as_machine: bool) -> None:
    """Prints the screen; ``peers`` are one of each room.

    Raises:
        CommandFailed: not all is well. It has said so, and carries the exit code only.
    """
    policy = next(peer for peer in peers if peer.room == "policy")
    (unreached, policies), sights = await asyncio.gather(_reachability(policy), asyncio.gather(*map(_sight, peers)))
    seen = Seen({sight.room: sight for sight in sights}, unreached, policies)
    judged = verdict(seen)
    if as_machine:
        statuses = {sight.room: as_json(sight.status) if sight.status else None for sight in sights}
        print_json(as_document(seen, judged, statuses))
    else:
        print_screen(seen, judged)
    if judged.weight is not None:
        raise CommandFailed(EXIT_CODES[judged.weight], "")


async def _sight(peer: Peer) -> Sight:
    try:
        async with connected(peer) as (channel, caller):
            answer = await caller.read(StatusServiceStub(channel).GetStatus, pb.GetStatusRequest())
    except CommandFailed as failure:
        return Sight(peer.room, peer.target, None, failure.sentence, failure.exit_code != NO_ANSWER)
    if (found := answer.status.room) != peer.server:
        wrong = f"the server at {peer.target} is the {one_line(found)}: check {peer.option} host:port"
        return Sight(peer.room, peer.target, None, wrong, refused=True)
    return Sight(peer.room, peer.target, answer.status)


async def _reachability(peer: Peer) -> tuple[int, int] | tuple[None, None]:
    """How many services would reach nobody, and how many policies say so."""
    request = policy_pb.CheckReachabilityRequest()
    request.horizon.FromTimedelta(HORIZON)
    try:
        async with connected(peer) as (channel, caller):
            answer = await caller.read(PolicyServiceStub(channel).CheckReachability, request)
    except CommandFailed:
        return None, None
    return answer.unreached_service_count, answer.checked_policy_count
