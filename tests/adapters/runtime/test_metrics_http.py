"""Where Prometheus asks: plain HTTP, on sockets, by whoever comes."""

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from pager_grpc.runtime import pages_http
from pager_grpc.runtime.config import ConfigurationFault
from pager_grpc.runtime.metrics import Metrics
from pager_grpc.runtime.metrics_http import serving_metrics


@pytest.fixture
def registry():
    counted = CollectorRegistry()
    Counter("pages_total", "Pages.", registry=counted).inc(3)
    return counted


async def asked(port, method="GET", path="/metrics"):
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.request(method, f"http://127.0.0.1:{port}{path}")


@asynccontextmanager
async def connected(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def hung_up(reader):
    """Within two seconds, while patience with a scraper is five unless said."""
    async with asyncio.timeout(2):
        with suppress(ConnectionResetError):
            return await reader.read() == b""
        return True


async def test_metrics_are_served_as_plain_text_of_the_format_that_every_prometheus_reads(registry):
    async with serving_metrics(registry, "127.0.0.1:0") as port:
        answer = await asked(port, path="/metrics?x=y")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "\npages_total 3.0\n" in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("GET", "/metricsx", 404), ("POST", "/metrics", 405)]
)
async def test_nothing_else_is_served(registry, method, path, status):
    async with serving_metrics(registry, "127.0.0.1:0") as port:
        assert (await asked(port, method, path)).status_code == status


async def test_a_port_that_others_have_is_a_fault_of_the_configuration(registry):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigurationFault, match=f"{listen}: metrics cannot be served there"):
            async with serving_metrics(registry, listen):
                pass


@pytest.mark.parametrize("host", ["256.1.1.1", "a..b"])
async def test_a_host_that_is_none_is_a_fault_of_the_configuration(registry, host):
    with pytest.raises(ConfigurationFault, match="metrics cannot be served there"):
        async with serving_metrics(registry, f"{host}:9100"):
            pass


async def test_only_the_given_address_is_opened(registry):
    async with serving_metrics(registry, "127.0.0.2:0") as port:
        with pytest.raises(httpx.ConnectError):
            await asked(port)


async def test_a_scraper_that_says_nothing_is_hung_up_on_and_holds_up_nobody(registry, monkeypatch):
    monkeypatch.setattr(pages_http, "_PATIENCE_SECONDS", 0.05)
    async with serving_metrics(registry, "127.0.0.1:0") as port, connected(port) as (reader, _):
        assert (await asked(port)).status_code == 200
        assert await hung_up(reader)


async def test_the_end_waits_for_no_scraper(registry, monkeypatch):
    monkeypatch.setattr(pages_http, "_PATIENCE_SECONDS", 3600)
    async with AsyncExitStack() as stack, asyncio.timeout(30):
        async with serving_metrics(registry, "127.0.0.1:0") as port:
            reader, _ = await stack.enter_async_context(connected(port))
            await asked(port)
        assert await hung_up(reader)


async def test_a_head_without_an_end_is_hung_up_on(registry):
    async with serving_metrics(registry, "127.0.0.1:0") as port, connected(port) as (reader, writer):
        writer.write(b"x" * 100_000)
        assert await hung_up(reader)


async def test_two_rooms_of_one_process_count_apart():
    one, other = Metrics(), Metrics()
    async with one.served("one", "127.0.0.1:0") as counting, other.served("other", "127.0.0.1:0") as counting_apart:
        assert counting is not counting_apart
        assert one.port != other.port
    assert (one.port, other.port) == (None, None)
