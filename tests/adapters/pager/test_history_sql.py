"""What only a database can show of forgetting: bounded transactions, replicas at once, a whole pager that does it."""

import asyncio
from datetime import timedelta

import pytest
from adapters.pager.running import a_running_pager
from adapters.scraping import scraping, series
from builders import an_application, healing, raising
from sqlalchemy import text

from pager_domain.errors import StoreUnavailable
from pager_domain.pager.retention import Past
from pager_grpc.pager.history_sql import SqlHistory
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.metrics import Metrics

LONG_AGO = "'2020-01-01 00:00:00.000000+00:00'"
A_DAY = timedelta(days=1)


async def resolved(pager, names, alerts=1):
    """Incidents that were resolved two days ago, and a new one."""
    application = an_application(pager.store, pager.outbox)
    await application.handle([raising(name, message=f"{n}") for name in names for n in range(alerts)])
    await application.handle([healing(name) for name in names])
    await pager.advance(2 * A_DAY.total_seconds())
    await application.handle([raising("newest")])


async def test_no_transaction_takes_more_rows_than_it_may(pager):
    await resolved(pager, ["long"], alerts=30)
    history = pager.history_of(rows=10, longest=20)
    horizon = await history.now() - A_DAY
    gone = []
    while rows := await history.forget(Past.INCIDENT, horizon):
        gone.append(rows)
    assert gone == [10, 10, 10, 1, 1]  # 31 lines, then the incident itself


async def test_what_the_audit_may_judge_goes_whole_also_when_it_is_more_than_fits(pager):
    await resolved(pager, ["one", "two"], alerts=30)
    history = pager.history_of(rows=10, longest=31)
    horizon = await history.now() - A_DAY
    assert [await history.forget(Past.INCIDENT, horizon) for _ in range(3)] == [32, 32, 0]


async def test_while_its_lines_go_the_incident_stays_and_its_last_lines_too(pager):
    await resolved(pager, ["long"], alerts=30)
    history = pager.history_of(rows=10, longest=20)
    await history.forget(Past.INCIDENT, await history.now() - A_DAY)
    [incident] = await pager.views.incidents("long", (), None, 10)
    assert [event.sequence for event in await pager.views.events(incident, 0, 100)] == list(range(11, 32))


async def test_replicas_that_forget_at_once_share_the_work(pager):
    await resolved(pager, [f"s{n}" for n in range(40)])
    histories = [SqlHistory(pager._replica(n), rows=8) for n in range(8)]
    horizon = await histories[0].now() - A_DAY

    async def forget_all(history):
        total = 0
        while rows := await pager.retrying(history.forget, Past.INCIDENT, horizon):
            total += rows
        return total

    assert sum(await asyncio.gather(*map(forget_all, histories))) == 40 * 3
    assert await pager.execute("SELECT 1 FROM incident_events WHERE monitored_service_id <> 'newest'") == []


async def test_what_another_replica_is_forgetting_is_passed_over(postgres_pager):
    pager = postgres_pager
    await resolved(pager, ["a", "b"])
    horizon = await pager.history_of().now() - A_DAY
    async with pager.database.begin() as connection:
        await connection.execute(text("SELECT 1 FROM incidents WHERE monitored_service_id = 'a' FOR UPDATE"))
        assert await pager.history_of().forget(Past.INCIDENT, horizon) == 3
    assert await pager.history_of().forget(Past.INCIDENT, horizon) == 3


async def test_a_database_that_cannot_be_reached_says_so():
    database = open_database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    with pytest.raises(StoreUnavailable):
        await SqlHistory(database).now()
    await database.close()


async def age(url):
    """Everything that is over was over years ago."""
    database = open_database(url)
    async with database.begin() as connection:
        for statement in (
            f"UPDATE incidents SET resolved_at = {LONG_AGO} WHERE state = 'resolved'",
            "CREATE TABLE old AS SELECT * FROM request_answers",
            "DELETE FROM request_answers",
            f"UPDATE old SET created_at = {LONG_AGO}",
            "INSERT INTO request_answers SELECT * FROM old",
        ):
            await connection.execute(text(statement))
    await database.close()


@pytest.mark.parametrize(("days", "kept"), [("90", False), ("0", True)])
async def test_a_running_pager_forgets_what_is_over_unless_told_to_keep_it(tmp_path, days, kept):
    url = f"sqlite+aiosqlite:///{tmp_path / 'pager.db'}"
    async with a_running_pager(url, tmp_path) as caller:
        incident = (await caller.alert("past", request_id="r")).incident.incident_id
        await caller.until_line(incident, "notification_settled", times=2)
        await caller.healthy("past")
        await caller.alert("newest")
    await age(url)
    metrics, name = Metrics(), "pager_forgotten_rows_total"
    listening = {"PAGER_METRICS_LISTEN": "127.0.0.1:0", "PAGER_RETENTION_DAYS": days}
    async with a_running_pager(url, tmp_path, metrics, **listening) as caller, scraping(metrics) as scraper:
        if kept:
            assert (await caller.incident(incident)).incident_id == incident
            assert name not in {key[0] for key in await scraper.values()}
            return
        found = await scraper.until(lambda values: values[series(name, what="incident")])
        assert (await caller.refused(caller.incident(incident))).reason == "ERROR_REASON_INCIDENT_UNKNOWN"
    assert found[series(name, what="incident")] == 5 + 2 + 1
    assert found[series(name, what="request_answer")] == 1
    assert found[series(name, what="bundle")] == 0
