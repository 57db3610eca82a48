"""What the life of a delivery promises, the ledger refuses to break, whoever asks: every check and every guard."""

import pytest
from adapters.notifier.ledgers import working_ledger
from adapters.refusals import CHANGE_ATTACKS, copied, not_refused, refusals_of
from contracts.notifier_delivery_ledger import asking
from fakes.notifier_builders import an_email

from pager_grpc.notifier.tables import DELIVERIES

ACCEPT = "UPDATE deliveries SET state = 'accepted', sending_until = NULL"
DOUBT = "UPDATE deliveries SET state = 'in_doubt', sending_until = NULL, doubt_count = 1"
AGAIN = "state = 'sending', sending_until = update_time, attempt_count = attempt_count + 1"

ATTACKS = [
    *CHANGE_ATTACKS,
    ("ck_deliveries_channel", copied(DELIVERIES, delivery_id="'x'", channel="'pigeon'")),
    ("ck_deliveries_state", ACCEPT.replace("accepted", "lost")),
    ("ck_deliveries_doubt_count", "UPDATE deliveries SET doubt_count = 4, attempt_count = 9"),
    ("ck_deliveries_attempt_count", "UPDATE deliveries SET doubt_count = 2"),
    ("ck_deliveries_unknown", "UPDATE deliveries SET state = 'unknown', sending_until = NULL"),
    ("ck_deliveries_unknown", f"{DOUBT}; UPDATE deliveries SET doubt_count = 3, attempt_count = 3"),
    ("ck_deliveries_sending", "UPDATE deliveries SET sending_until = NULL"),
    ("ck_deliveries_sending", "UPDATE deliveries SET state = 'accepted'"),
    ("ck_deliveries_deferred", "UPDATE deliveries SET state = 'deferred', sending_until = NULL"),
    ("ck_deliveries_provider", "UPDATE deliveries SET provider = ''"),
    ("ck_deliveries_attempted", copied(DELIVERIES, delivery_id="'x'", attempt_count="0")),
    ("ck_deliveries_attempted", copied(DELIVERIES, delivery_id="'x'", fencing_token="-1")),
    ("ck_deliveries_fingerprint", copied(DELIVERIES, delivery_id="'x'", fingerprint="''")),
    ("gd_deliveries_ends_stand", f"{ACCEPT}; UPDATE deliveries SET {AGAIN}"),
    ("gd_deliveries_ends_stand", f"{ACCEPT}; UPDATE deliveries SET state = 'refused'"),
    ("gd_deliveries_counts_grow", "UPDATE deliveries SET fencing_token = fencing_token - 1"),
    ("gd_deliveries_counts_grow", "UPDATE deliveries SET attempt_count = attempt_count - 1"),
    ("gd_deliveries_counts_grow", f"{DOUBT}; UPDATE deliveries SET doubt_count = 0"),
    ("gd_deliveries_cut_off_is_doubt", f"UPDATE deliveries SET {AGAIN}"),
    ("gd_deliveries_same_message", "UPDATE deliveries SET fingerprint = 'another'"),
    ("gd_deliveries_same_message", "UPDATE deliveries SET delivery_id = 'another'"),
    ("gd_deliveries_kept", "DELETE FROM deliveries"),
    ("gd_deliveries_kept", f"{DOUBT}; DELETE FROM deliveries"),
    ("ck_schema_version_only_row", "INSERT INTO schema_version VALUES (2, 1)"),
]


@pytest.fixture
async def sending(database):
    """A ledger whose one delivery is under way."""
    async with working_ledger(database) as ledger:
        await ledger.change("page-1", asking(an_email()))
    return database


async def test_the_ledger_itself_refuses_what_cannot_be(sending):
    assert await not_refused(sending, ATTACKS) == []


async def test_every_check_and_guard_of_the_ledger_is_attacked(database):
    async with database.begin() as connection:
        assert await connection.run_sync(refusals_of) == {name for name, _ in ATTACKS}


async def test_an_ended_delivery_may_be_forgotten(sending):
    async with sending.begin() as connection:
        await connection.exec_driver_sql(ACCEPT)
        assert (await connection.exec_driver_sql("DELETE FROM deliveries")).rowcount == 1
