"""What policies promise, the database refuses to break, whoever asks: every check and every guard."""

import pytest
from adapters.refusals import copied, not_refused, refusals_of
from fakes.policy_builders import a_policy

from pager_domain.policy.application import PolicyApplicationService
from pager_grpc.policy.escalation_policies_sql import SqlPolicyStore
from pager_grpc.policy.tables import ESCALATION_POLICIES, POLICY_REVISIONS

ATTACKS = [
    (
        "ck_escalation_policies_revision",
        copied(ESCALATION_POLICIES, policy_id="'x'", revision="0"),
    ),
    ("ck_escalation_policies_ended_default", "UPDATE escalation_policies SET ended = true, default_policy = true"),
    ("ck_policy_revisions_revision", copied(POLICY_REVISIONS, revision="0")),
    ("ck_policy_revisions_levels", copied(POLICY_REVISIONS, revision="2", document="'{\"levels\": []}'")),
    ("ck_policy_revisions_levels", copied(POLICY_REVISIONS, revision="2", document="'{}'")),
    ("gd_escalation_policies_revision_grows", "UPDATE escalation_policies SET revision = revision - 1"),
    ("gd_policy_revisions_written_once", "UPDATE policy_revisions SET revision = revision + 1"),
    ("gd_policy_revisions_kept", "DELETE FROM policy_revisions"),
    ("ck_schema_version_only_row", "INSERT INTO schema_version VALUES (2, 1)"),
]


@pytest.fixture
async def written(database):
    """A database with one policy at its first revision."""
    await PolicyApplicationService(SqlPolicyStore(database)).create(a_policy("shop", "checkout"))
    return database


async def test_the_database_itself_refuses_what_cannot_be(written):
    assert await not_refused(written, ATTACKS) == []


async def test_every_check_and_guard_of_the_database_is_attacked(database):
    async with database.begin() as connection:
        assert await connection.run_sync(refusals_of) == {name for name, _ in ATTACKS}


async def test_the_revisions_of_an_ended_policy_may_be_forgotten(written):
    async with written.begin() as connection:
        await connection.exec_driver_sql("UPDATE escalation_policies SET ended = true")
        assert (await connection.exec_driver_sql("DELETE FROM policy_revisions")).rowcount == 1
