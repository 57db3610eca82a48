"""The use cases of verification: a code goes out, and comes back."""

from dataclasses import replace
from datetime import datetime

from pager_domain.policy.errors import AddressRefused, CodeNotSent, CodeRefused, ContactMethodUnknown
from pager_domain.policy.people import PEOPLE, ContactMethod, ContactMethodId, Person, PersonDefinition, PersonId
from pager_domain.policy.ports.policy_store import PolicyStore, PolicyUnitOfWork
from pager_domain.policy.ports.verification_sender import SendOutcome, VerificationSender
from pager_domain.policy.verification import Refusal, TokenBytes, Verification, message_of, new_code


class VerifyingApplicationService:
    """Verifies contact methods. ``token_bytes`` makes bytes that nobody can guess."""

    def __init__(self, store: PolicyStore, sender: VerificationSender, token_bytes: TokenBytes) -> None:
        self._store = store
        self._sender = sender
        self._token_bytes = token_bytes

    async def send_code(self, person_id: PersonId, contact_method_id: ContactMethodId) -> datetime:
        """Sends a new code and says until when it counts. Its hash is kept before it is sent.

        Raises:
            PersonUnknown, ContactMethodUnknown: there is nothing to verify.
            ContactMethodVerified: it is verified already.
            CodeSentRecently: a code was sent less than a minute ago.
            AddressRefused: a provider takes no messages to the address.
            CodeNotSent: nobody said that it was taken; a repeat may send another one at once.
        """

        async def work(unit: PolicyUnitOfWork) -> tuple[ContactMethod, Verification, str]:
            person = (await unit.lock_entry(PEOPLE, person_id)).existing()
            method = _method_of(person.definition, contact_method_id)
            before = await unit.verification(person_id, contact_method_id)
            verification, code = new_code(before, person_id, method, await unit.now(), self._token_bytes)
            await unit.save_verification(verification)
            return method, verification, code

        method, verification, code = await self._store.atomically(work)
        message = message_of(verification, method.address, code)
        outcome = await self._sender.send(method.address, message, verification.request_id)
        if outcome is not SendOutcome.SENT:
            await self._take_back(verification)
            error = AddressRefused if outcome is SendOutcome.REFUSED else CodeNotSent
            raise error(person_id, contact_method_id)
        return verification.expires_at

    async def verify(self, person_id: PersonId, contact_method_id: ContactMethodId, code: str) -> Person:
        """The person, with the contact method verified. A repeat changes nothing.

        Raises:
            PersonUnknown, ContactMethodUnknown: there is nothing to verify.
            CodeRefused: the code does not count.
        """

        async def work(unit: PolicyUnitOfWork) -> Person | Refusal:
            record = await unit.lock_entry(PEOPLE, person_id)
            person = record.existing()
            method = _method_of(person.definition, contact_method_id)
            if method.verified_at is not None:
                return person
            now = await unit.now()
            if (refusal := await _tried(unit, person_id, method, code, now)) is not None:
                return refusal
            person = record.change(person.definition.with_verified(contact_method_id, now), now)
            await unit.save_entry(PEOPLE, person)
            return person

        # A wrong try is kept like a right one, so it ends its transaction without an exception.
        result = await self._store.atomically(work)
        if isinstance(result, Refusal):
            raise CodeRefused(person_id, contact_method_id, result.value)
        return result

    async def _take_back(self, verification: Verification) -> None:
        """The pause counts codes that were sent, and this one was not."""

        async def work(unit: PolicyUnitOfWork) -> None:
            await unit.lock_entry(PEOPLE, verification.person_id)
            kept = await unit.verification(verification.person_id, verification.contact_method_id)
            if kept is not None and kept.generation == verification.generation:
                await unit.save_verification(replace(kept, sent_at=None))

        await self._store.atomically(work)


async def _tried(
    unit: PolicyUnitOfWork, person_id: PersonId, method: ContactMethod, code: str, now: datetime
) -> Refusal | None:
    """Tries ``code``, keeps that it was tried, and says why it is refused; None: it is right."""
    verification = await unit.verification(person_id, method.contact_method_id)
    if verification is None:
        return Refusal.NONE_SENT
    kept, refusal = verification.tried(method.address, code, now)
    if kept is not verification:
        await unit.save_verification(kept)
    return refusal


def _method_of(person: PersonDefinition, contact_method_id: ContactMethodId) -> ContactMethod:
    method = person.contact_method(contact_method_id)
    if method is None:
        raise ContactMethodUnknown(person.person_id, contact_method_id)
    return method
