import asyncio
from dataclasses import replace

import pytest
from adapters.lock_waits import somebody_waits_for_a_lock
from adapters.notifier.ledgers import working_ledger
from adapters.round_trips import watching_round_trips
from contracts.notifier_delivery_ledger import DeliveryLedgerContract, accepting, asking
from fakes.notifier_builders import HandClock, an_email, an_sms
from sqlalchemy import CheckConstraint, inspect, text

from pager_domain.errors import StoreUnavailable
from pager_domain.notifier.errors import DeliveryInProgress, RequestIdReused
from pager_domain.notifier.messages import Channel
from pager_domain.notifier.model import (
    LEASE,
    MAX_DOUBTS,
    Delivery,
    DeliveryState,
    HandOffRequest,
    InDoubt,
    begin,
    settle,
)
from pager_grpc.notifier import tables
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate

_SAME_LINE_AGAIN = """
INSERT INTO deliveries SELECT (jsonb_populate_record(d, '{"delivery_id": "page-2"}')).* FROM deliveries AS d
"""


@pytest.fixture
async def ledger(database):
    async with working_ledger(database) as working:
        yield working


class TestSqlDeliveryLedger(DeliveryLedgerContract):
    @pytest.fixture
    async def ledger(self, database):
        async with working_ledger(database) as working:
            yield working


def test_the_database_knows_the_words_and_bounds_of_the_rules():
    constraints = tables.DELIVERIES.constraints
    checks = " ".join(str(check.sqltext) for check in constraints if isinstance(check, CheckConstraint))
    assert all(f"'{word}'" in checks for word in (*DeliveryState, *Channel))
    assert f"BETWEEN 0 AND {MAX_DOUBTS}" in checks
    assert f"doubt_count = {MAX_DOUBTS}" in checks


async def test_every_end_of_a_delivery_can_be_stored(ledger):
    for attempt in (1, 2, 3):
        await ledger.change("page-1", asking(an_email()))
        rule = lambda stored, now, attempt=attempt: settle(stored, attempt, InDoubt("timeout"), now)  # noqa: E731 - a rule
        line = await ledger.change("page-1", rule)
    assert line.state is DeliveryState.UNKNOWN
    assert await ledger.find("page-1") == line


async def test_the_ledger_holds_neither_address_nor_text(database, ledger):
    for message in (an_email("page-1"), an_sms("page-2")):
        await ledger.change(message.delivery_id, asking(message))
    async with database.begin() as connection:
        rows = str((await connection.execute(text("SELECT * FROM deliveries"))).all())
    for secret in ("ana@", "4915112345", "checkout", "Please look"):
        assert secret not in rows


async def test_a_look_at_the_newest_pages_walks_an_index(database):
    async with database.begin() as connection:
        indexes = await connection.run_sync(lambda c: inspect(c).get_indexes("deliveries"))
    assert [index["column_names"] for index in indexes] == [["create_time", "delivery_id"]]


async def test_on_postgresql_one_who_waited_for_the_line_judges_by_the_time_after_the_wait(postgres_url):
    database = open_database(postgres_url)
    await migrate(database, "notifier")
    moments = []

    def watching(stored, now):
        moments.append(now)
        return stored

    async with working_ledger(database) as ledger:
        pages = [f"page-{number}" for number in range(3)]
        for page in pages:
            await ledger.change(page, asking(an_email(page)))
        async with database.begin() as holder:
            await holder.execute(text("SELECT 1 FROM deliveries WHERE delivery_id = 'page-2' FOR UPDATE"))
            waiting = asyncio.gather(*(ledger.change(page, watching) for page in pages))
            await somebody_waits_for_a_lock(database)
            released = (await holder.execute(text("SELECT clock_timestamp()"))).scalar_one()
        await waiting
    assert len(moments) == 3
    assert min(moments) >= released
    await database.close()


async def test_on_sqlite_the_lease_ends_by_the_clock_of_the_process(tmp_path):
    clock = HandClock()
    database = open_database(f"sqlite+aiosqlite:///{tmp_path / 'notifier.db'}", clock=clock)
    await migrate(database, "notifier")
    async with working_ledger(database) as ledger:
        begun = await ledger.change("page-1", asking(an_email()))
        assert begun.sending_until == clock.now() + LEASE
        clock.advance(LEASE.total_seconds())
        assert (await ledger.change("page-1", asking(an_email()))).doubt_count == 1
    await database.close()


async def test_a_ledger_survives_its_process(tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'notifier.db'}"
    first = open_database(url)
    await migrate(first, "notifier")
    async with working_ledger(first) as ledger:
        begun = await ledger.change("page-1", asking(an_email(), 3))
    await first.close()
    second = open_database(url)
    async with working_ledger(second) as ledger:
        assert await ledger.find("page-1") == begun
    await second.close()


async def test_a_ledger_that_cannot_be_reached_says_so():
    database = open_database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    async with working_ledger(database) as ledger:
        for call in (ledger.change("page-1", asking(an_email())), ledger.find("page-1"), ledger.newest((), 1, None)):
            with pytest.raises(StoreUnavailable):
                await call
    await database.close()


async def test_what_is_asked_for_at_once_is_stored_in_a_few_transactions(ledger):
    messages = [an_email(f"page-{number}") for number in range(200)]
    await asyncio.gather(*(ledger.change(message.delivery_id, asking(message)) for message in messages))
    lines = await ledger.newest((), 1000, None)
    assert len(lines) == 200
    # A transaction has one moment for all its lines.
    assert len({line.create_time for line in lines}) <= 2


async def test_replicas_that_ask_for_the_same_pages_at_once_send_each_of_them_once(postgres_url):
    first, second = open_database(postgres_url), open_database(postgres_url)
    await migrate(first, "notifier")
    pages = [f"page-{number}" for number in range(100)]
    async with working_ledger(first) as one, working_ledger(second) as other:
        asked = [
            ledger.change(page, asking(an_email(page)))
            for ledger, order in ((one, pages), (other, pages[::-1]))
            for page in order
        ]
        answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, Delivery) for answer in answers) == len(pages)
    assert sum(isinstance(answer, DeliveryInProgress) for answer in answers) == len(pages)
    await first.close()
    await second.close()


async def changing(ledger, delivery_id, rule):
    return await ledger.change(delivery_id, rule)


async def changing_as_foreseen(ledger, delivery_id, rule):
    return await ledger.change_foreseen(delivery_id, None, rule)


@pytest.mark.parametrize("change", [changing, changing_as_foreseen])
async def test_a_new_page_that_another_replica_stores_first_is_theirs(postgres_url, change):
    database = open_database(postgres_url)
    await migrate(database, "notifier")
    async with working_ledger(database) as ledger:
        await ledger.change("page-1", asking(an_email()))
        async with database.begin() as holder:
            await holder.execute(text(_SAME_LINE_AGAIN))
            late = asyncio.create_task(change(ledger, "page-2", asking(an_email("page-2"))))
            await somebody_waits_for_a_lock(database)
        with pytest.raises(RequestIdReused):  # the copy has the words of page 1
            await late
    await database.close()


async def test_a_hand_off_that_goes_as_foreseen_is_two_round_trips(postgres_url):
    database = open_database(postgres_url)
    await migrate(database, "notifier")
    async with working_ledger(database) as ledger, watching_round_trips(database) as sent:
        begun = await ledger.change_foreseen("page-1", None, asking(an_email()))
        await ledger.change_foreseen("page-1", begun, accepting())
        assert sent == ["WITH clock AS"] * 2
        await ledger.change_foreseen("page-1", begun, accepting())  # which is over
        assert sent[2:] == ["WITH clock AS", "BEGIN", "WITH locked AS", "COMMIT"]
    await database.close()


async def test_what_is_foreseen_while_somebody_changes_the_line_is_judged_by_what_they_stored(postgres_url):
    database = open_database(postgres_url)
    await migrate(database, "notifier")
    async with working_ledger(database) as ledger:
        begun = await ledger.change("page-1", asking(an_email()))
        async with database.begin() as holder:
            put_off = "UPDATE deliveries SET state = 'deferred', retry_time = update_time, sending_until = NULL"
            await holder.execute(text(put_off))
            late = asyncio.create_task(ledger.change_foreseen("page-1", begun, accepting()))
            await somebody_waits_for_a_lock(database)
        assert (await late).state is DeliveryState.DEFERRED
    await database.close()


async def test_what_cannot_be_stored_after_a_look_takes_nothing_from_what_was_foreseen(postgres_url):
    database = open_database(postgres_url)
    await migrate(database, "notifier")

    def nonsense(stored, now):
        return replace(begin(None, HandOffRequest(an_email("page-2"), "fake", 0), now), provider="" if stored else "x")

    async with working_ledger(database) as ledger:
        await ledger.change("page-2", asking(an_email("page-2")))
        good, bad = await asyncio.gather(
            ledger.change_foreseen("page-1", None, asking(an_email())),
            ledger.change_foreseen("page-2", None, nonsense),
            return_exceptions=True,
        )
        assert await ledger.find("page-1") == good
        assert isinstance(bad, StoreUnavailable)
    await database.close()
