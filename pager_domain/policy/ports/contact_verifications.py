"""Where the newest code of each contact method is kept, as a hash."""

from typing import Protocol

from pager_domain.policy.people import ContactMethodId, PersonId
from pager_domain.policy.verification import Verification


class VerificationUnitOfWork(Protocol):
    """The codes' part of a transaction. Whoever reads one to change it has locked the person."""

    async def verification(self, person_id: PersonId, contact_method_id: ContactMethodId) -> Verification | None:
        """What is known of the newest code; None if there never was one. It outlives the person."""

    async def save_verification(self, verification: Verification) -> None:
        """Keeps ``verification`` in the place of what was known."""
