"""The generated stub against a real policy room signs the contract of the port."""

from contextlib import AsyncExitStack

import pytest
from contracts.escalation_policies import EscalationPolicyRepositoryContract

from pager_domain.kernel import EmailTarget
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as pb_grpc
from pager_grpc.pager.escalation_policies_grpc import GrpcEscalationPolicies
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings
from pager_grpc.runtime.channels import open_channel

PATIENCE = 30


class RunningPolicyRoom:
    """A policy room behind a port, the adapter that asks it, and the hands of its administrator."""

    def __init__(self, room: AsyncExitStack, channel) -> None:
        self._room, self._administration = room, pb_grpc.PolicyServiceStub(channel)
        self.repository = GrpcEscalationPolicies(channel, PATIENCE)
        self._etags = {}

    async def store(self, policy, *services, default=False):
        message = _message(policy, services, default=default)
        if etag := self._etags.get(policy.policy_id):
            request = pb.UpdateEscalationPolicyRequest(escalation_policy=message, etag=etag)
            stored = (await self._administration.UpdateEscalationPolicy(request)).escalation_policy
        else:
            request = pb.CreateEscalationPolicyRequest(escalation_policy=message)
            stored = (await self._administration.CreateEscalationPolicy(request)).escalation_policy
        assert stored.revision == policy.revision
        self._etags[policy.policy_id] = stored.etag

    async def break_down(self):
        await self._room.aclose()


def _message(policy, services, *, default):
    message = pb.EscalationPolicy(
        policy_id=policy.policy_id,
        repeat_count=policy.repeat_count,
        monitored_service_ids=services,
        default_policy=default,
    )
    for level in policy.levels:
        added = message.levels.add()
        added.acknowledgement_timeout.FromTimedelta(level.acknowledgement_timeout)
        for target in (resolved.high_urgency_rule.steps[0].target for resolved in level.targets):
            if isinstance(target, EmailTarget):
                added.targets.add(target_id=target.target_id).email.email_address = target.address.value
            else:
                added.targets.add(target_id=target.target_id).sms.phone_number = target.number.value
    return message


class TestGrpcEscalationPolicies(EscalationPolicyRepositoryContract):
    @pytest.fixture
    async def rig(self, tmp_path):
        settings = PolicySettings(_env_file=None, POLICY_LISTEN="127.0.0.1:0", PAGERD_DATA=tmp_path)
        async with AsyncExitStack() as room:
            port = await room.enter_async_context(running_policy(settings))
            async with open_channel(f"127.0.0.1:{port}") as channel:
                yield RunningPolicyRoom(room, channel)
