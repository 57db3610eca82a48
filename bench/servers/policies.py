"""Policies for the services of a question, through the policy service's own door."""

import asyncio
from collections.abc import Iterable, Sequence

import grpc

from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as pb_grpc

_AT_A_TIME = 4
_ACKNOWLEDGEMENT_SECONDS = 3600


def policy(policy_id: str, addresses: Sequence[str], services: Iterable[str] = ()) -> pb.EscalationPolicy:
    """One level that nobody has to answer within the hour; without ``services`` it is the default."""
    message = pb.EscalationPolicy(policy_id=policy_id, monitored_service_ids=services)
    message.default_policy = not message.monitored_service_ids
    level = message.levels.add()
    level.acknowledgement_timeout.FromSeconds(_ACKNOWLEDGEMENT_SECONDS)
    for address in addresses:
        level.targets.add(target_id=address).email.email_address = address
    return message


async def create_policies(target: str, policies: Iterable[pb.EscalationPolicy]) -> None:
    """Creates them, several at a time.

    Raises:
        grpc.aio.AioRpcError: one was refused.
    """
    waiting = iter(policies)
    async with grpc.aio.insecure_channel(target) as channel:
        stub = pb_grpc.PolicyServiceStub(channel)

        async def create() -> None:
            for each in waiting:
                request = pb.CreateEscalationPolicyRequest(escalation_policy=each)
                await stub.CreateEscalationPolicy(request, timeout=30)

        await asyncio.gather(*(create() for _ in range(_AT_A_TIME)))
