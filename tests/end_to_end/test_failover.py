"""Fault rows 17 and 19: a synchronous standby takes over, and the former primary comes back. Real servers, killed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from adapters.runtime.own_postgres import OwnPostgres, own_postgres
from sealed import ADDRESS_KEY

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc
from pager_grpc.pager.bootstrap import running_pager
from pager_grpc.pager.config import PagerSettings
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate

CALLERS = 4
BEFORE, AFTER = 40, 8
NOT_HEARD = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
_PATIENCE_SECONDS = 60
_STANDBY = "FIRST 1 (walreceiver)"


@pytest.fixture
def primary() -> Iterator[OwnPostgres]:
    """A server with the pager's schema."""
    for server in own_postgres():
        asyncio.run(_migrate(server))
        yield server


async def _migrate(server: OwnPostgres) -> None:
    database = open_database(server.url())
    await migrate(database, "pager")
    await database.close()


def either(*servers: OwnPostgres) -> str:
    """The address of whichever of ``servers`` is the primary."""
    hosts = "&".join(f"host={server.data}:5432" for server in servers)
    return f"postgresql+asyncpg://postgres@/postgres?{hosts}&target_session_attrs=read-write"


@asynccontextmanager
async def a_pager(url: str, data: Path) -> AsyncIterator[pb_grpc.PagerServiceStub]:
    """A pager whose database is at ``url``."""
    required = {"PAGER_CATCH_ALL_EMAIL": "everybody@example.com", "PAGER_ADDRESS_KEYS": ADDRESS_KEY}
    settings = PagerSettings(
        _env_file=None, PAGER_LISTEN="127.0.0.1:0", PAGER_DATABASE_URL=url, PAGERD_DATA=data, **required
    )
    async with running_pager(settings) as port, open_channel(f"127.0.0.1:{port}") as channel:
        yield pb_grpc.PagerServiceStub(channel)


async def raised(pager: pb_grpc.PagerServiceStub, name: str, seconds: float = 5) -> pb.RaiseAlertResponse:
    request = pb.RaiseAlertRequest(monitored_service_id=name, message="it burns", request_id=name)
    return await pager.RaiseAlert(request, timeout=seconds)


async def until_heard(pager: pb_grpc.PagerServiceStub, name: str) -> pb.RaiseAlertResponse:
    """As a caller should: the same request again, until somebody answers."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not isinstance(answer := await _raised_or_refused(pager, name), pb.RaiseAlertResponse):
            assert answer in NOT_HEARD
    return answer


async def _raised_or_refused(pager: pb_grpc.PagerServiceStub, name: str) -> pb.RaiseAlertResponse | grpc.StatusCode:
    try:
        return await raised(pager, name)
    except grpc.aio.AioRpcError as error:
        return error.code()


async def test_no_answered_alert_is_lost_when_a_synchronous_standby_takes_over(primary, tmp_path):
    """The primary is killed with commits that the standby has not got; it has every one that was answered, once."""
    answered: dict[str, str] = {}
    enough, failed_over = asyncio.Event(), asyncio.Event()

    async def caller(number: int, pager: pb_grpc.PagerServiceStub) -> None:
        after = 0
        while after < AFTER:
            name = f"service-{number}-{len(answered)}"
            answered[name] = (await until_heard(pager, name)).incident.incident_id
            after += failed_over.is_set()
            if len(answered) >= BEFORE:
                enough.set()

    with primary.standby() as standby:
        await primary.set_to("synchronous_standby_names", _STANDBY)
        async with a_pager(either(primary, standby), tmp_path) as pager, asyncio.TaskGroup() as group:
            for number in range(CALLERS):
                group.create_task(caller(number, pager))
            await enough.wait()
            primary.mute()
            await primary.until("EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep')")
            primary.kill()
            await standby.promote()
            failed_over.set()
        rows = await standby.fetch("SELECT monitored_service_id, incident_id, alert_count FROM incidents")
    assert {row[0]: row[1] for row in rows} == answered
    assert [row[2] for row in rows] == [1] * len(answered)


async def test_while_the_standby_is_away_nothing_is_answered_that_a_failover_would_lose(primary, tmp_path):
    """What the primary has on its own disk alone is not answered, to a repeat neither, also after it was killed."""
    with primary.standby() as standby:
        await primary.set_to("synchronous_standby_names", _STANDBY)
        async with a_pager(primary.url(), tmp_path) as pager:
            await until_heard(pager, "before")
            standby.kill()
            await not_answered(pager, "while-it-is-away")
            primary.kill()
            primary.start()
            [[on_one_disk]] = await primary.fetch("SELECT count(*) FROM request_answers")
            assert on_one_disk == 2
            await not_answered(pager, "while-it-is-away")
            standby.start()
            answer = await until_heard(pager, "while-it-is-away")
        assert (answer.opened, answer.alert_count) == (True, 1)


async def not_answered(pager: pb_grpc.PagerServiceStub, name: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await raised(pager, name, seconds=2)
    assert refused.value.code() in NOT_HEARD


async def test_a_former_primary_that_comes_back_is_refused_until_the_new_one_is_there(primary, tmp_path):
    with primary.standby() as standby:
        async with a_pager(either(primary, standby), tmp_path) as pager:
            await until_heard(pager, "before")
            primary.kill()
            await standby.promote()
            await until_heard(pager, "after")
            standby.kill()
            primary.start()
            await not_answered(pager, "to-the-former-primary")
            assert [row[0] for row in await primary.fetch("SELECT request_id FROM request_answers")] == ["before"]
            standby.start()
            assert (await until_heard(pager, "to-the-former-primary")).opened
