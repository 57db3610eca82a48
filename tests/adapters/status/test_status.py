"""What each room says of itself, over the wire and when its database is away."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from adapters.pager.running import a_running_pager
from adapters.pager.scripted_servers import a_status
from fakes.notifier_email_sender import FakeEmailSender
from prometheus_client import CollectorRegistry, Gauge

from pager_domain.errors import StoreUnavailable
from pager_domain.notifier.model import Refused
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as notifier_pb
from pager_grpc.gen.notifier.v1 import notifier_service_pb2_grpc as notifier_grpc
from pager_grpc.gen.status.v1 import status_service_pb2 as pb
from pager_grpc.gen.status.v1 import status_service_pb2_grpc as pb_grpc
from pager_grpc.notifier.bootstrap import running_notifier
from pager_grpc.notifier.config import NotifierSettings
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.commit_times import CommitTimes
from pager_grpc.runtime.database import Paused
from pager_grpc.status.servicer import StatusServicer, nothing_more


async def status_of(channel):
    return (await pb_grpc.StatusServiceStub(channel).GetStatus(pb.GetStatusRequest(), timeout=10)).status


@asynccontextmanager
async def a_pager(tmp_path, **more):
    async with a_running_pager(f"sqlite+aiosqlite:///{tmp_path / 'pager.db'}", tmp_path, **more) as caller:
        yield caller


async def until(channel, happened):
    async with asyncio.timeout(15):
        while not happened(status := await status_of(channel)):
            pass
    return status


async def test_a_pager_tells_of_itself_and_its_database(tmp_path):
    async with a_pager(tmp_path) as caller:
        status = await status_of(caller.channel)
    assert (status.room, status.database.engine, status.database.reached) == ("pager", "sqlite", True)
    assert status.version
    assert status.start_time.ToDatetime(UTC) <= status.status_time.ToDatetime(UTC) <= datetime.now(UTC)
    assert status.database.answer_duration.ToTimedelta() > timedelta()
    assert (status.security.encrypted, status.security.authenticated) == (False, False)


async def test_a_page_that_is_put_off_is_in_the_backlog_until_somebody_answers(tmp_path):
    async with a_pager(tmp_path) as caller:
        busy = a_status(grpc.StatusCode.UNAVAILABLE, "PROVIDER_UNAVAILABLE", retry_seconds=600)
        caller.notifier.refusals = [busy, busy]
        await caller.alert()
        backlog = (await until(caller.channel, lambda s: s.paging.backlog.postponed_page_count == 2)).paging.backlog
        assert (backlog.due_page_count, backlog.in_flight_page_count, backlog.open_incident_count) == (0, 0, 1)
        assert backlog.oldest_page_age.ToTimedelta() > timedelta()
        await caller.acknowledge()
        backlog = (await until(caller.channel, lambda s: not s.paging.backlog.postponed_page_count)).paging.backlog
        assert backlog.acknowledged_incident_count == 1
        assert not backlog.HasField("oldest_page_age")


async def test_the_audit_says_when_it_passed_and_without_a_canary_there_is_none(tmp_path):
    async with a_pager(tmp_path) as caller:
        status = await until(caller.channel, lambda s: s.paging.audit.HasField("pass_time"))
    assert status.paging.audit.broken_promise_count == 0
    assert not status.paging.HasField("canary")


async def test_a_canary_says_when_it_came_through(tmp_path):
    async with a_pager(tmp_path, PAGER_HEARTBEAT_URL="http://127.0.0.1:9/") as caller:
        await until(caller.channel, lambda s: s.paging.canary.HasField("success_time"))


async def test_a_neighbor_that_does_not_say_that_it_serves_is_not_reached(tmp_path):
    async with a_pager(tmp_path) as caller:
        neighbors = (await status_of(caller.channel)).neighbors
    assert {neighbor.room: neighbor.reached for neighbor in neighbors} == {"policy": False, "notifier": False}


async def test_a_policy_room_asks_the_notifier_for_its_health(tmp_path):
    notifier = NotifierSettings(NOTIFIER_LISTEN="127.0.0.1:0", PAGERD_DATA=tmp_path)
    async with running_notifier(notifier) as notifier_port:
        target = f"127.0.0.1:{notifier_port}"
        policy = PolicySettings(POLICY_LISTEN="127.0.0.1:0", POLICY_NOTIFIER_TARGET=target, PAGERD_DATA=tmp_path)
        async with running_policy(policy) as port, open_channel(f"127.0.0.1:{port}") as channel:
            status = await until(channel, lambda status: status.neighbors[0].reached)
    assert [neighbor.room for neighbor in status.neighbors] == ["notifier"]
    assert status.room == "policy"


async def test_a_notifier_says_what_it_has_heard_of_its_providers(tmp_path):
    settings = NotifierSettings(NOTIFIER_LISTEN="127.0.0.1:0", PAGERD_DATA=tmp_path)
    email = FakeEmailSender(Refused("no such mailbox"), OSError("their fault"))
    async with (
        running_notifier(settings, email_sender=email) as port,
        open_channel(f"127.0.0.1:{port}") as channel,
    ):
        stub = notifier_grpc.NotifierServiceStub(channel)
        words = {"email_address": "ana@example.com", "subject": "down", "text_body": "Please look."}
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.SendEmail(notifier_pb.SendEmailRequest(request_id="page-1", **words))
        refused = (await status_of(channel)).providers[0]
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.SendEmail(notifier_pb.SendEmailRequest(request_id="page-2", **words))
        await stub.SendSms(notifier_pb.SendSmsRequest(phone_number="+15005550001", text="down", request_id="page-3"))
        seen = {provider.channel: provider for provider in (await status_of(channel)).providers}
    assert not refused.HasField("failure_time")  # what was refused for good was the message's fault
    assert (seen[pb.Provider.CHANNEL_EMAIL].name, seen[pb.Provider.CHANNEL_EMAIL].failure) == ("fake-email", "failed")
    assert seen[pb.Provider.CHANNEL_EMAIL].HasField("failure_time")
    assert seen[pb.Provider.CHANNEL_SMS].name == "mailbox"
    assert seen[pb.Provider.CHANNEL_SMS].HasField("accept_time")


class AwayDatabase:
    """Cannot be looked at."""

    is_sqlite = False

    def __init__(self, cause) -> None:
        self.commits = CommitTimes()
        self._cause = cause

    async def look(self) -> None:
        raise StoreUnavailable from self._cause


@pytest.mark.parametrize(
    ("cause", "said"),
    [(ConnectionRefusedError("db.example.com"), "ConnectionRefusedError"), (Paused("too new"), "too new")],
)
async def test_a_database_that_is_away_is_told_and_names_no_host(cause, said):
    async def part(_status):
        raise AssertionError("nobody asks for more")

    database = AwayDatabase(cause)
    servicer = StatusServicer("pager", database, CollectorRegistry(), neighbors={}, authenticated=True, part=part)
    status = (await servicer.GetStatus(pb.GetStatusRequest(), None)).status
    assert (status.database.reached, status.database.failure) == (False, said)
    assert status.security.authenticated


async def test_a_database_that_goes_away_in_between_is_told_too():
    class There(AwayDatabase):
        async def look(self) -> None:
            pass

    async def part(_status):
        raise StoreUnavailable

    servicer = StatusServicer("pager", There(None), CollectorRegistry(), neighbors={}, authenticated=False, part=part)
    status = (await servicer.GetStatus(pb.GetStatusRequest(), None)).status
    assert (status.database.reached, status.database.failure) == (False, "StoreUnavailable")


async def test_the_median_of_the_last_commits_is_told():
    commits = CommitTimes()
    assert commits.median is None
    seen = []
    commits.observe = seen.append

    async def commit():
        pass

    for _ in range(3):
        await commits.timed(commit)()
    assert commits.median == sorted(seen)[1]

    async def fails():
        raise StoreUnavailable

    with pytest.raises(StoreUnavailable):
        await commits.timed(fails)()
    assert len(seen) == 3


async def test_a_certificate_makes_a_room_encrypted_until_the_first_of_them_expires():

    registry, database = CollectorRegistry(), AwayDatabase(None)
    gauge = Gauge("certificate_expiry_timestamp_seconds", "When.", ["what"], registry=registry)
    gauge.labels("authority").set(1_900_000_000)
    gauge.labels("certificate").set(1_800_000_000)
    servicer = StatusServicer("pager", database, registry, neighbors={}, authenticated=False, part=nothing_more)
    security = (await servicer.GetStatus(pb.GetStatusRequest(), None)).status.security
    assert (security.encrypted, security.certificate_expire_time.seconds) == (True, 1_800_000_000)
