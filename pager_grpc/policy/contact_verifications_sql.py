"""The codes of contact methods on SQLite or PostgreSQL: their part of the policy store's transactions."""

from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.policy.people import ContactMethodId, PersonId
from pager_domain.policy.ports.contact_verifications import VerificationUnitOfWork
from pager_domain.policy.verification import Verification
from pager_grpc.policy.tables import CONTACT_VERIFICATIONS
from pager_grpc.runtime.bulk import upsert_rows
from pager_grpc.runtime.columns import as_moment, moment_of
from pager_grpc.runtime.selecting import Row, fetch

_VERIFICATION = """
SELECT person_id, contact_method_id, generation, address, salt, code_hash, wrong_tries, used, create_time, send_time
FROM contact_verifications WHERE person_id = :person_id AND contact_method_id = :contact_method_id
"""


class SqlVerificationUnitOfWork(VerificationUnitOfWork):
    """One row a contact method; the hash and its salt as hexadecimal text."""

    _connection: AsyncConnection

    async def verification(self, person_id: PersonId, contact_method_id: ContactMethodId) -> Verification | None:
        """One row, or none."""
        binds = {"person_id": person_id, "contact_method_id": contact_method_id}
        found = await fetch(self._connection, _VERIFICATION, binds)
        return _verification_of(found[0]) if found else None

    async def save_verification(self, verification: Verification) -> None:
        """Replaces the row."""
        row = {
            "person_id": verification.person_id,
            "contact_method_id": verification.contact_method_id,
            "generation": verification.generation,
            "address": verification.address,
            "salt": verification.salt.hex(),
            "code_hash": verification.code_hash.hex(),
            "wrong_tries": verification.wrong_tries,
            "used": verification.used,
            "create_time": verification.created_at,
            "expire_time": verification.expires_at,
            "send_time": verification.sent_at,
        }
        await upsert_rows(self._connection, CONTACT_VERIFICATIONS, [row])


def _verification_of(row: Row) -> Verification:
    return Verification(
        person_id=PersonId(row["person_id"]),
        contact_method_id=ContactMethodId(row["contact_method_id"]),
        generation=row["generation"],
        address=row["address"],
        salt=bytes.fromhex(row["salt"]),
        code_hash=bytes.fromhex(row["code_hash"]),
        created_at=moment_of(row["create_time"]),
        sent_at=as_moment(row["send_time"]),
        wrong_tries=row["wrong_tries"],
        used=bool(row["used"]),
    )
