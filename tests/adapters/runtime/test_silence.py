"""Connections to PostgreSQL over TCP, here through a relay in front of the server's socket file."""

import asyncio
import socket

import asyncpg
import pytest
from nemesis.network import Loopback
from sqlalchemy import make_url

from pager_grpc.pager.wakeups import Wakeups, listen
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.silence import SECONDS


@pytest.fixture
async def tcp_url(postgres_url):
    """The database at a TCP address."""
    given = make_url(postgres_url)
    network = Loopback()
    network.add("server")

    async def connected():
        return await asyncio.open_unix_connection(f"{given.query['host']}/.s.PGSQL.5432")

    host, _, port = network.relay("client", "server", connected).rpartition(":")
    yield given.set(host=host, port=int(port), query={}).render_as_string(hide_password=False)
    network.close()


def patience_of(connection: asyncpg.Connection) -> int:
    sock = connection._transport.get_extra_info("socket")
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)


async def test_a_connection_of_the_pool_is_given_up_after_seconds_of_silence(tcp_url):
    database = open_database(tcp_url)
    async with database.begin() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert patience_of(driver) == SECONDS * 1000
    await database.close()


async def test_so_is_the_one_that_listens_for_wakeups(tcp_url, monkeypatch):
    made = []
    connect = asyncpg.connect

    async def remembered(*arguments, **options):
        made.append(await connect(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(asyncpg, "connect", remembered)
    listening = asyncio.create_task(listen(tcp_url, Wakeups()))
    async with asyncio.timeout(60):
        while not made or patience_of(made[0]) != SECONDS * 1000:
            await asyncio.sleep(0.01)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
