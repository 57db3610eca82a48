"""What Prometheus reads of a running pager."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

import grpc
import httpx
import pytest
from adapters.pager.running import a_running_pager
from adapters.pager.scripted_servers import a_status, a_wire_level, a_wire_policy
from adapters.scraping import scraping, series
from sqlalchemy import text

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.metrics import Metrics

HANDED_OFF, CANCELLED = (
    series("pager_pages_settled_total", channel="email", outcome=outcome) for outcome in ("handed_off", "cancelled")
)
POSTPONED = series("pager_pages_postponed_total", channel="email")


@pytest.fixture
def url(tmp_path):
    return f"sqlite+aiosqlite:///{tmp_path / 'pager.db'}"


@asynccontextmanager
async def a_scraped_pager(url, tmp_path, **more):
    """A caller and a scraper of the same pager."""
    metrics = Metrics()
    async with (
        a_running_pager(url, tmp_path, metrics, PAGER_METRICS_LISTEN="127.0.0.1:0", **more) as caller,
        scraping(metrics) as scraper,
    ):
        yield caller, scraper


async def spoil(url, statement):
    """Changes the database past all rules."""
    database = open_database(url)
    async with database.begin() as connection:
        await connection.execute(text(statement))
    await database.close()


async def test_a_broken_promise_is_counted_under_its_name(url, tmp_path):
    async with a_running_pager(url, tmp_path) as caller:
        incident = (await caller.alert()).incident.incident_id
        await caller.until_line(incident, "notification_settled", times=2)
    await spoil(url, "UPDATE incidents SET alert_count = 3")
    async with a_scraped_pager(url, tmp_path) as (_, scraper):
        found = await scraper.until(lambda values: values[series("pager_promises_broken_total", promise="S11")])
    broken = {key[1][1]: value for key, value in found.items() if key[0] == "pager_promises_broken_total"}
    assert broken.pop("S11") == 1
    assert broken == dict.fromkeys(["S2", "S3", "S5", "S6", "S7", "S9", "S10"], 0)
    assert found[series("pager_audit_incidents_total")] == 1


async def test_an_audit_that_finds_nothing_says_when_it_passed(url, tmp_path):
    passed = series("pager_audit_last_pass_timestamp_seconds")
    async with a_scraped_pager(url, tmp_path) as (_, scraper):
        found = await scraper.until(lambda values: values[passed])
    assert found[passed] > 1_750_000_000
    assert sum(value for key, value in found.items() if key[0] == "pager_promises_broken_total") == 0


async def test_pages_are_counted_by_their_channel_and_how_they_ended(url, tmp_path):
    async with a_scraped_pager(url, tmp_path) as (caller, scraper):
        await caller.alert()
        found = await scraper.until(lambda values: values[HANDED_OFF] == 2)
        assert (found[CANCELLED], found[POSTPONED]) == (0, 0)
        assert found[series("pager_pages_settled_total", channel="sms", outcome="handed_off")] == 0


async def test_pages_that_are_put_off_and_then_cancelled_by_an_answer_are_counted(url, tmp_path):
    async with a_scraped_pager(url, tmp_path) as (caller, scraper):
        busy = a_status(grpc.StatusCode.UNAVAILABLE, "PROVIDER_UNAVAILABLE", retry_seconds=600)
        caller.notifier.refusals = [busy, busy]
        await caller.alert()
        await scraper.until(lambda values: values[POSTPONED] == 2)
        await caller.acknowledge()
        found = await scraper.until(lambda values: values[CANCELLED] == 2)
        assert found[HANDED_OFF] == 0


async def test_an_incident_that_nobody_answers_is_counted_when_its_levels_are_used_up(url, tmp_path):
    exhausted = series("pager_incidents_exhausted_total")
    async with a_scraped_pager(url, tmp_path) as (caller, scraper):
        caller.policy.answer = a_wire_policy(a_wire_level(1, seconds=1))
        await caller.alert()
        found = await scraper.until(lambda values: values[exhausted])
        assert found[exhausted] == 1
        assert found[series("pager_escalation_lateness_seconds_count")] == 1


async def test_calls_are_counted_by_method_and_code(url, tmp_path):
    async with a_scraped_pager(url, tmp_path) as (caller, scraper):
        await caller.alert()
        await caller.alert()
        await caller.refused(caller.acknowledge("nobody"))
        found = await scraper.until(lambda values: len(calls(values)) == 2)
        assert calls(found) == {("RaiseAlert", "OK"): 2, ("Acknowledge", "NOT_FOUND"): 1}
        timed = series("rpc_duration_seconds_count", method="pager.v1.PagerService/RaiseAlert", code="OK")
        assert found[timed] == 2


async def test_alerts_that_are_refused_are_counted_one_by_one(url, tmp_path):
    refused, opened = (series("pager_alerts_total", outcome=outcome) for outcome in ("refused", "opened"))
    async with a_scraped_pager(url, tmp_path) as (caller, scraper):
        await caller.refused(caller.alert(service=""))
        assert (await scraper.values())[refused] == 1
        alerts = [pb.RaiseAlertRequest(monitored_service_id=name, message="broken") for name in ("a", "", "b", "")]
        stream = caller.stub.RaiseAlerts()
        await stream.write(pb.RaiseAlertsRequest(alerts=alerts))
        await stream.read()
        found = await scraper.values()
        assert (found[refused], found[opened]) == (3, 2)
        stream.cancel()


async def test_an_alert_whose_caller_does_not_wait_for_the_answer_is_undecided(url, tmp_path):
    async with a_scraped_pager(url, tmp_path) as (caller, scraper):
        undecided = series("pager_alerts_total", outcome="undecided")
        found = await scraper.values()
        while not found[undecided]:
            call = caller.stub.RaiseAlert(pb.RaiseAlertRequest(monitored_service_id="checkout", message="broken"))
            await asyncio.sleep(0)
            call.cancel()
            found = await scraper.values()
        assert found[series("pager_alerts_total", outcome="refused")] == 0


async def test_the_database_and_the_batches_are_measured(url, tmp_path):
    async with a_scraped_pager(url, tmp_path) as (caller, scraper):
        await caller.alert()
        found = await scraper.until(lambda values: values[HANDED_OFF] == 2)
        assert found[series("group_commit_batch_items_sum", lane="alerts")] == 1
        assert found[series("group_commit_batch_seconds_count", lane="alerts")] == 1
        assert found[series("group_commit_batch_items_sum", lane="pages")] == 2
        assert found[series("database_commit_seconds_count")] > 2
        assert found[series("database_connections_limit")] == 1


async def test_the_room_says_its_name_and_what_is_under_way(url, tmp_path):
    async with a_scraped_pager(url, tmp_path) as (_, scraper):
        looked = series("pager_backlog_last_look_timestamp_seconds")
        found = await scraper.until(lambda values: values[looked])
        built = [dict(labels) for name, *labels in found if name == "pagerd_build_info"]
        assert [labels["room"] for labels in built] == ["pager"]
        assert found[series("pager_pages", stage="due", channel="sms")] == 0


async def test_calls_that_their_callers_leave_are_counted_as_such(url, tmp_path):
    async with a_scraped_pager(url, tmp_path) as (caller, scraper):
        watch = caller.stub.WatchIncidents(pb.WatchIncidentsRequest())
        await watch.read()
        watch.cancel()
        found = await scraper.until(calls)
        assert calls(found) == {("WatchIncidents", "CANCELLED"): 1}
        while len(calls(found)) == 1:  # on a busy machine the time may be up before the call has come
            with pytest.raises(grpc.aio.AioRpcError):
                async for _ in caller.stub.WatchIncidents(pb.WatchIncidentsRequest(), timeout=0.2):
                    pass
            found = await scraper.values()
        # The first of them may be counted only after the next one began.
        assert calls(found).keys() == {("WatchIncidents", "CANCELLED"), ("WatchIncidents", "DEADLINE_EXCEEDED")}


async def test_a_canary_says_when_it_came_through_and_where_there_is_none_nobody_misses_it(url, tmp_path):
    beat = series("pager_canary_last_success_timestamp_seconds")
    async with a_scraped_pager(url, tmp_path, PAGER_HEARTBEAT_URL="http://127.0.0.1:9/") as (_, scraper):
        found = await scraper.until(lambda values: values[beat])
        assert found[beat] > 1_750_000_000
    async with a_scraped_pager(url, tmp_path) as (_, scraper):
        assert beat not in await scraper.values()


async def test_without_an_address_nothing_is_served(url, tmp_path):
    metrics = Metrics()
    async with a_running_pager(url, tmp_path, metrics) as caller:
        await caller.alert()
        assert metrics.port is None


async def test_the_metrics_end_with_the_room(url, tmp_path):
    metrics = Metrics()
    async with a_running_pager(url, tmp_path, metrics, PAGER_METRICS_LISTEN="127.0.0.1:0"):
        port = metrics.port
        async with scraping(metrics) as scraper:
            assert await scraper.values()
    assert metrics.port is None
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://127.0.0.1:{port}/metrics")
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


def calls(values):
    """How often each method ended with each code."""
    found = Counter()
    for (name, *labels), value in values.items():
        if name == "rpc_requests_total":
            code, method = (label[1] for label in labels)
            found[method.removeprefix("pager.v1.PagerService/"), code] = value
    return found
