"""The use cases of the policy room: fetch, tell, keep."""

from collections.abc import Sequence

from pager_domain.kernel import PolicyId
from pager_domain.policy.errors import PolicyUnknown
from pager_domain.policy.model import EscalationPolicy, PolicyDefinition, Resolution, ResolvedEscalation, Subject
from pager_domain.policy.ports.policy_store import PolicyStore, PolicyUnitOfWork


class PolicyApplicationService:
    """What may be asked of the policy room."""

    def __init__(self, store: PolicyStore) -> None:
        self._store = store

    async def create(self, definition: PolicyDefinition) -> EscalationPolicy:
        """A new policy.

        Raises:
            PolicyExists, ServiceAlreadyCovered, DefaultPolicyExists: something it wants is taken.
        """

        async def work(unit: PolicyUnitOfWork) -> EscalationPolicy:
            record = await unit.lock(definition.policy_id)
            policy = record.create(definition, await unit.now())
            await _keep(unit, policy)
            return policy

        return await self._store.atomically(work)

    async def update(self, definition: PolicyDefinition, etag: str) -> EscalationPolicy:
        """The policy as it is now; a new revision if anything is different.

        Raises:
            PolicyUnknown: there is none to update.
            StaleEtag: it has changed since it was read.
            ServiceAlreadyCovered, DefaultPolicyExists: something it wants is taken.
        """

        async def work(unit: PolicyUnitOfWork) -> EscalationPolicy:
            record = await unit.lock(definition.policy_id)
            policy = record.update(definition, etag, await unit.now())
            if policy is not record.live:
                await _keep(unit, policy)
            return policy

        return await self._store.atomically(work)

    async def delete(self, policy_id: PolicyId, etag: str) -> None:
        """Ends a policy; its revisions stay resolvable.

        Raises:
            PolicyUnknown: there is none to end.
            StaleEtag: it has changed since it was read.
        """

        async def work(unit: PolicyUnitOfWork) -> None:
            (await unit.lock(policy_id)).read_at(etag)
            await unit.end(policy_id, await unit.now())

        await self._store.atomically(work)

    async def policy(self, policy_id: PolicyId) -> EscalationPolicy:
        """The newest revision.

        Raises:
            PolicyUnknown: there is none, or it has ended.
        """
        policy = await self._store.policy(policy_id)
        if policy is None:
            raise PolicyUnknown(policy_id)
        return policy

    async def policies(self, after: PolicyId | None, limit: int) -> list[EscalationPolicy]:
        """Up to ``limit`` policies behind ``after``, ordered by id."""
        return await self._store.policies(after, limit)

    async def resolve(self, subject: Subject) -> ResolvedEscalation:
        """Whom to page.

        Raises:
            NoPolicyForService, PolicyUnknown, RevisionUnknown: there is no answer.
        """
        [answer] = await self.resolve_all([subject])
        if isinstance(answer, ResolvedEscalation):
            return answer
        raise answer

    async def resolve_all(self, subjects: Sequence[Subject]) -> list[Resolution]:
        """Whom to page for each of ``subjects``, in their order; an error in its place where there is no answer."""
        directory = await self._store.directory(subjects)
        return [directory.resolve(subject) for subject in subjects]


async def _keep(unit: PolicyUnitOfWork, policy: EscalationPolicy) -> None:
    coverage = await unit.coverage(policy.definition.monitored_service_ids)
    coverage.admit(policy.definition)
    await unit.save(policy)
