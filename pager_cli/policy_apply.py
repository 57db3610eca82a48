"""Applies a policy file: creates what is new, updates what differs, leaves the rest alone; can be repeated at will.

A service belongs to one policy only, so a policy that takes one from another policy of the file waits until that one
has let go. Where two take from each other, one first lets go without taking.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import grpc

from pager_cli.calls import Caller, CallFailed
from pager_cli.paging import rows_of
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.gen.policy.v1.policy_service_pb2_grpc import PolicyServiceStub

CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"

Told = Callable[[str, pb.EscalationPolicy], None]


async def all_policies(stub: PolicyServiceStub, caller: Caller) -> list[pb.EscalationPolicy]:
    """Every policy, ordered by id."""
    policies, _ = await rows_of(
        lambda size, token: caller.read(
            stub.ListEscalationPolicies, pb.ListEscalationPoliciesRequest(page_size=size, page_token=token)
        ),
        lambda answer: answer.escalation_policies,
    )
    return policies


@dataclass(slots=True)
class Application:
    """One file being applied. ``told`` hears (result, policy as stored) of each policy as soon as it is settled."""

    stub: PolicyServiceStub
    caller: Caller
    told: Told
    _stored: dict[str, pb.EscalationPolicy] = field(default_factory=dict)
    _released: set[str] = field(default_factory=set)

    async def run(self, wanted: Iterable[pb.EscalationPolicy]) -> None:
        """Applies ``wanted``.

        Raises:
            CallFailed: a policy was refused; those told of before it stay applied.
        """
        self._stored = {policy.policy_id: policy for policy in await all_policies(self.stub, self.caller)}
        waiting = list(wanted)
        while waiting:
            ready = [policy for policy in waiting if not self._blockers(policy, waiting)]
            if not ready:
                await self._release(waiting)
            for policy in ready:
                await self._settle(policy)
                waiting.remove(policy)

    def _blockers(self, policy: pb.EscalationPolicy, waiting: list[pb.EscalationPolicy]) -> list[pb.EscalationPolicy]:
        """The policies of the file that still hold what ``policy`` wants."""
        others = [self._stored.get(other.policy_id) for other in waiting if other.policy_id != policy.policy_id]
        return [other for other in others if other is not None and _overlap(policy, other)]

    async def _release(self, waiting: list[pb.EscalationPolicy]) -> None:
        """Lets one policy of a circle give up what it will not keep; the circle is open then."""
        giving = next(policy for policy in waiting if _gives_up(self._stored.get(policy.policy_id), policy))
        stored = self._stored[giving.policy_id]
        smaller = pb.EscalationPolicy()
        smaller.CopyFrom(stored)
        del smaller.monitored_service_ids[:]
        kept = set(giving.monitored_service_ids)
        smaller.monitored_service_ids.extend(name for name in stored.monitored_service_ids if name in kept)
        smaller.default_policy = stored.default_policy and giving.default_policy
        await self._write(smaller)
        self._released.add(giving.policy_id)

    async def _settle(self, policy: pb.EscalationPolicy) -> None:
        result = await self._write(policy)
        if result == UNCHANGED and policy.policy_id in self._released:
            result = UPDATED
        self.told(result, self._stored[policy.policy_id])

    async def _write(self, policy: pb.EscalationPolicy) -> str:
        """Writes ``policy`` once; after a lost race or an unknown outcome looks again and tries once more."""
        try:
            return await self._attempt(policy)
        except CallFailed as failed:
            if not (failed.undecided or failed.fault.code is grpc.StatusCode.ABORTED or _exists(failed)):
                raise
            undecided = failed.undecided
        attempted = UPDATED if policy.policy_id in self._stored else CREATED
        await self._look_again(policy.policy_id)
        result = await self._attempt(policy)
        # What an unknown outcome turns out to have written was written by us.
        return attempted if undecided and result == UNCHANGED else result

    async def _attempt(self, policy: pb.EscalationPolicy) -> str:
        stored = self._stored.get(policy.policy_id)
        if stored is None:
            request = pb.CreateEscalationPolicyRequest(escalation_policy=policy)
            created = await self.caller.once(self.stub.CreateEscalationPolicy, request)
            self._stored[policy.policy_id] = created.escalation_policy
            return CREATED
        if _said(stored) == _said(policy):
            return UNCHANGED
        update = pb.UpdateEscalationPolicyRequest(escalation_policy=_said(policy), etag=stored.etag)
        updated = await self.caller.once(self.stub.UpdateEscalationPolicy, update)
        self._stored[policy.policy_id] = updated.escalation_policy
        return UPDATED if updated.escalation_policy.revision != stored.revision else UNCHANGED

    async def _look_again(self, policy_id: str) -> None:
        try:
            request = pb.GetEscalationPolicyRequest(policy_id=policy_id)
            answer = await self.caller.read(self.stub.GetEscalationPolicy, request)
            self._stored[policy_id] = answer.escalation_policy
        except CallFailed as failed:
            if failed.fault.code is not grpc.StatusCode.NOT_FOUND:
                raise
            self._stored.pop(policy_id, None)


def _said(policy: pb.EscalationPolicy) -> pb.EscalationPolicy:
    """What people said of ``policy``, in one order: no revision, no times."""
    said = pb.EscalationPolicy()
    said.CopyFrom(policy)
    for name in ("revision", "etag", "create_time", "update_time"):
        said.ClearField(name)
    del said.monitored_service_ids[:]
    said.monitored_service_ids.extend(sorted(policy.monitored_service_ids))
    return said


def _overlap(policy: pb.EscalationPolicy, other: pb.EscalationPolicy) -> bool:
    both_default = policy.default_policy and other.default_policy
    return both_default or not set(policy.monitored_service_ids).isdisjoint(other.monitored_service_ids)


def _gives_up(stored: pb.EscalationPolicy | None, wanted: pb.EscalationPolicy) -> bool:
    if stored is None:
        return False
    ends_default = stored.default_policy and not wanted.default_policy
    return ends_default or not set(stored.monitored_service_ids) <= set(wanted.monitored_service_ids)


def _exists(failed: CallFailed) -> bool:
    return failed.fault.reason.endswith("POLICY_EXISTS") and "DEFAULT" not in failed.fault.reason
