"""The use cases of the policy room: fetch, tell, keep."""

from collections.abc import Sequence

from pager_domain.kernel import PolicyId
from pager_domain.policy.directory import Question
from pager_domain.policy.errors import PolicyUnknown
from pager_domain.policy.levels import people_in, require_known, schedules_in
from pager_domain.policy.model import EscalationPolicy, PolicyDefinition
from pager_domain.policy.people import PEOPLE
from pager_domain.policy.ports.policy_store import PolicyStore, PolicyUnitOfWork
from pager_domain.policy.resolved import ResolvedEscalation
from pager_domain.policy.resolving import Resolution, resolve_all
from pager_domain.policy.schedules import SCHEDULES
from pager_domain.policy.turns import KEPT_FOR


class PolicyApplicationService:
    """What may be asked of the policy room."""

    def __init__(self, store: PolicyStore) -> None:
        self._store = store

    async def create(self, definition: PolicyDefinition) -> EscalationPolicy:
        """A new policy.

        Raises:
            PolicyExists, ServiceAlreadyCovered, DefaultPolicyExists: something it wants is taken.
            TargetUnknown: it names a person or a schedule that is not there.
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
            TargetUnknown: it names a person or a schedule that is not there.
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

    async def resolve(self, question: Question) -> ResolvedEscalation:
        """Whom to page.

        Raises:
            NoPolicyForService, PolicyUnknown, RevisionUnknown, PersonUnknown: there is no answer.
        """
        [answer] = await self.resolve_all([question])
        if isinstance(answer, ResolvedEscalation):
            return answer
        raise answer

    async def resolve_all(self, questions: Sequence[Question]) -> list[Resolution]:
        """Whom to page for each of ``questions``, in their order; an error in its place where there is no answer."""
        return await resolve_all(self._store, questions)

    async def forget_turns(self, limit: int) -> int:
        """Forgets up to ``limit`` turns of round robin that are 90 days old; how many it were."""

        async def work(unit: PolicyUnitOfWork) -> int:
            return await unit.forget_turns(await unit.now() - KEPT_FOR, limit)

        return await self._store.atomically(work)


async def _keep(unit: PolicyUnitOfWork, policy: EscalationPolicy) -> None:
    coverage = await unit.coverage(policy.definition.monitored_service_ids)
    coverage.admit(policy.definition)
    await hold_targets(unit, policy.definition)
    await unit.save(policy)


async def hold_targets(unit: PolicyUnitOfWork, definition: PolicyDefinition) -> None:
    """Makes sure that whom and what a policy names is there, and stays until the transaction ends.

    Raises:
        TargetUnknown: names the first level and target that names nobody.
    """
    people, schedules = people_in(definition.levels), schedules_in(definition.levels)
    held_people = await unit.hold_entries(PEOPLE, people) if people else {}
    held_schedules = await unit.hold_entries(SCHEDULES, schedules) if schedules else {}
    require_known(definition.levels, held_people, held_schedules)
