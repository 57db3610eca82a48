"""The ledger forgets, on both engines; and what a repeat gets when it was forgotten."""

import asyncio
from datetime import timedelta

import pytest
from adapters.notifier.callers import email_request
from adapters.notifier.ledgers import working_ledger
from adapters.scraping import scraping, series
from contracts.notifier_delivery_history import KEPT, DeliveryHistoryContract
from contracts.notifier_delivery_ledger import accepting, asking
from fakes.notifier_builders import HandClock, an_email
from fakes.notifier_email_sender import FakeEmailSender
from google.protobuf.duration_pb2 import Duration
from sqlalchemy import text

from pager_domain.notifier.messages import POSSIBLE_DUPLICATE_LINE
from pager_grpc.gen.notifier.v1 import notifier_service_pb2_grpc as pb_grpc
from pager_grpc.notifier import wire
from pager_grpc.notifier.bootstrap import running_notifier
from pager_grpc.notifier.config import NotifierSettings
from pager_grpc.notifier.delivery_history_sql import SqlDeliveryHistory
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.metrics import Metrics
from pager_grpc.runtime.migrations import migrate

_NOW = "(clock_timestamp() + (SELECT by FROM test_clock))"
A_WEEK = Duration(seconds=7 * 86_400)


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
async def database(database_url, clock):
    """The notifier's schema on a database whose time is moved by hand."""
    opened = open_database(database_url, clock=clock, now_sql=_NOW)
    await migrate(opened, "notifier")
    if not opened.is_sqlite:
        async with opened.begin() as connection:
            await connection.execute(text("CREATE TABLE test_clock AS SELECT interval '0' AS by"))
    yield opened
    await opened.close()


@pytest.fixture
async def ledger(database):
    async with working_ledger(database) as working:
        yield working


@pytest.fixture
def history(database):
    return SqlDeliveryHistory(database)


@pytest.fixture
def pass_by(database, clock):
    async def passing(span):
        clock.advance(span.total_seconds())
        if not database.is_sqlite:
            async with database.begin() as connection:
                await connection.execute(text("UPDATE test_clock SET by = by + :span"), {"span": span})

    return passing


class TestSqlDeliveryHistory(DeliveryHistoryContract):
    @pytest.fixture
    async def ledger(self, database):
        async with working_ledger(database) as working:
            yield working


async def test_replicas_that_forget_at_once_share_the_work_in_short_transactions(database, ledger, pass_by):
    for n in range(40):
        await ledger.change(f"page-{n}", asking(an_email(f"page-{n}")))
        await ledger.change(f"page-{n}", accepting())
    await pass_by(2 * KEPT)

    async def forget_all():
        gone = []
        while rows := await SqlDeliveryHistory(database, rows=7).forget(KEPT):
            gone.append(rows)
        return gone

    gone = [rows for some in await asyncio.gather(*(forget_all() for _ in range(4))) for rows in some]
    assert sum(gone) == 40
    assert max(gone) == 7


async def test_a_running_notifier_forgets_and_a_late_repeat_of_what_it_forgot_goes_marked(tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'notifier.db'}"
    database = open_database(url)
    await migrate(database, "notifier")
    async with working_ledger(database) as ledger:
        await ledger.change("page-1", asking(an_email()))
        await ledger.change("page-1", accepting())
    async with database.begin() as connection:
        long_ago = "'2020-01-01 00:00:00.000000'"
        await connection.execute(text(f"UPDATE deliveries SET create_time = {long_ago}, update_time = {long_ago}"))
    await database.close()
    settings = NotifierSettings(
        _env_file=None, NOTIFIER_LISTEN="127.0.0.1:0", NOTIFIER_METRICS_LISTEN="127.0.0.1:0", PAGERD_DATA=tmp_path
    )
    metrics, mail = Metrics(), FakeEmailSender()
    async with (
        running_notifier(settings, email_sender=mail, metrics=metrics) as port,
        open_channel(f"127.0.0.1:{port}") as channel,
        scraping(metrics) as scraper,
    ):
        await scraper.until(lambda values: values[series("notifier_forgotten_rows_total", what="delivery")] == 1)
        stub = pb_grpc.NotifierServiceStub(channel)
        again = await stub.SendEmail(email_request(since_first_attempt=A_WEEK, fencing_token=2), timeout=5)
        new = await stub.SendEmail(email_request(request_id="page-2"), timeout=5)
    assert [POSSIBLE_DUPLICATE_LINE in message.text_body for message in mail.taken] == [True, False]
    assert (again.delivery.doubt_count, new.delivery.doubt_count) == (1, 0)


def test_a_span_that_makes_no_sense_is_the_nearest_that_does():
    for seconds, counted in ((-1, 0), (60, 60), (2**62, 10**9)):
        request = email_request(since_first_attempt=Duration(seconds=seconds))
        assert wire.since_first_attempt_from(request) == timedelta(seconds=counted)
