"""What policies promise, the database refuses to break, whoever asks: every check and every guard."""

from datetime import UTC, datetime, timedelta

import pytest
from adapters.refusals import CHANGE_ATTACKS, copied, not_refused, refusals_of
from fakes.policy_builders import a_policy
from fakes.roster_builders import a_person

from pager_domain.kernel import PolicyId
from pager_domain.policy.application import PolicyApplicationService
from pager_domain.policy.people import PEOPLE
from pager_domain.policy.revisions import Record
from pager_domain.policy.turns import Seat
from pager_grpc.policy.escalation_policies_sql import SqlPolicyStore
from pager_grpc.policy.tables import (
    CONTACT_VERIFICATIONS,
    ESCALATION_POLICIES,
    POLICY_REVISIONS,
    ROSTER_ENTRIES,
    ROSTER_REVISIONS,
    ROUND_ROBIN_TURNS,
)
from pager_grpc.runtime.bulk import insert_rows, upsert_rows

ATTACKS = [
    *CHANGE_ATTACKS,
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
    ("ck_roster_entries_kind", copied(ROSTER_ENTRIES, kind="'policy'")),
    ("ck_roster_entries_revision", copied(ROSTER_ENTRIES, entry_id="'x'", revision="0")),
    ("ck_roster_revisions_revision", copied(ROSTER_REVISIONS, revision="0")),
    (
        "ck_roster_revisions_layers",
        "INSERT INTO roster_entries VALUES ('schedule', 'x', 1, false);"
        + copied(ROSTER_REVISIONS, kind="'schedule'", entry_id="'x'", document="'{}'"),
    ),
    ("gd_roster_entries_revision_grows", "UPDATE roster_entries SET revision = revision - 1"),
    ("gd_roster_revisions_written_once", "UPDATE roster_revisions SET revision = 2, end_time = update_time"),
    ("gd_roster_revisions_written_once", "UPDATE roster_revisions SET document = '{}', end_time = update_time"),
    ("gd_roster_revisions_written_once", "UPDATE roster_revisions SET end_time = NULL"),
    (
        "gd_roster_revisions_written_once",
        "UPDATE roster_revisions SET end_time = update_time;UPDATE roster_revisions SET end_time = update_time",
    ),
    ("gd_roster_revisions_kept", "DELETE FROM roster_revisions"),
    ("ck_contact_verifications_generation", copied(CONTACT_VERIFICATIONS, person_id="'x'", generation="0")),
    ("ck_contact_verifications_wrong_tries", copied(CONTACT_VERIFICATIONS, person_id="'x'", wrong_tries="6")),
    ("ck_contact_verifications_expire_time", copied(CONTACT_VERIFICATIONS, person_id="'x'", expire_time="create_time")),
    ("gd_contact_verifications_only_forward", "UPDATE contact_verifications SET generation = generation - 1"),
    ("gd_contact_verifications_only_forward", "UPDATE contact_verifications SET wrong_tries = wrong_tries - 1"),
    ("gd_contact_verifications_only_forward", "UPDATE contact_verifications SET used = false"),
    ("gd_contact_verifications_only_forward", "UPDATE contact_verifications SET address = 'eve@example.com'"),
    ("ck_round_robin_counters_level", "INSERT INTO round_robin_counters VALUES ('shop', 0, 0)"),
    ("ck_round_robin_counters_next_turn", "INSERT INTO round_robin_counters VALUES ('shop', 2, -1)"),
    ("gd_round_robin_counters_grow", "UPDATE round_robin_counters SET next_turn = next_turn - 1"),
    ("ck_round_robin_turns_turn", copied(ROUND_ROBIN_TURNS, incident_id="'x'", turn="-1")),
    ("gd_round_robin_turns_written_once", "UPDATE round_robin_turns SET turn = turn + 1"),
    ("ck_schema_version_only_row", "INSERT INTO schema_version VALUES (2, 1)"),
]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CODE = {
    "person_id": "ana",
    "contact_method_id": "mail",
    "generation": 2,
    "address": "ana@example.com",
    "salt": "",
    "code_hash": "",
    "wrong_tries": 1,
    "used": True,
    "create_time": NOW,
    "expire_time": NOW + timedelta(minutes=10),
    "send_time": None,
}


@pytest.fixture
async def written(database):
    """A database with one policy, one person, one turn and one code, each at its first revision."""
    store = SqlPolicyStore(database)
    await PolicyApplicationService(store).create(a_policy("shop", "checkout"))
    await store.atomically(_a_person)
    seat = Seat(PolicyId("shop"), 1, "incident")
    await store.atomically(lambda unit: _a_turn(unit, seat))
    async with database.begin() as connection:
        await insert_rows(connection, CONTACT_VERIFICATIONS, [CODE])
    return database


async def _a_person(unit):
    await unit.save_entry(PEOPLE, Record(PEOPLE, "ana").create(a_person(), NOW))


async def _a_turn(unit, seat):
    await unit.lock_turns({seat.at}, {seat})
    await unit.save_turns({seat: 0}, {seat.at: 1}, NOW)


async def test_the_database_itself_refuses_what_cannot_be(written):
    assert await not_refused(written, ATTACKS) == []


async def test_every_check_and_guard_of_the_database_is_attacked(database):
    async with database.begin() as connection:
        assert await connection.run_sync(refusals_of) == {name for name, _ in ATTACKS}


async def test_the_revisions_of_an_ended_policy_may_be_forgotten(written):
    async with written.begin() as connection:
        await connection.exec_driver_sql("UPDATE escalation_policies SET ended = true")
        assert (await connection.exec_driver_sql("DELETE FROM policy_revisions")).rowcount == 1


async def test_the_revisions_of_an_ended_person_may_be_forgotten(written):
    async with written.begin() as connection:
        await connection.exec_driver_sql("UPDATE roster_entries SET ended = true")
        assert (await connection.exec_driver_sql("DELETE FROM roster_revisions")).rowcount == 1


async def test_a_newer_code_begins_again(written):
    newer = CODE | {"generation": 3, "wrong_tries": 0, "used": False, "address": "ana@example.org"}
    async with written.begin() as connection:
        await upsert_rows(connection, CONTACT_VERIFICATIONS, [newer])
