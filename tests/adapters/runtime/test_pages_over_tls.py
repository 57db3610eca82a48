"""Metrics and calendars over HTTPS: the services' certificate, renewed for whoever connects next."""

import asyncio
import socket
import ssl

import httpx
import pytest
from adapters.runtime.secured import an_authority, files_of, renew
from prometheus_client import CollectorRegistry, Counter

from pager_grpc.runtime import pages_http
from pager_grpc.runtime.metrics_http import serving_metrics
from pager_grpc.runtime.tls import Tls


@pytest.fixture
def folder(tmp_path):
    return an_authority(tmp_path / "ours")


@pytest.fixture
def registry():
    counted = CollectorRegistry()
    Counter("pages_total", "Pages.", registry=counted).inc(3)
    return counted


def trusting(folder):
    return ssl.create_default_context(cafile=folder / "ca.pem")


async def scraped(port, context, host="127.0.0.1"):
    async with httpx.AsyncClient(trust_env=False, verify=context) as client:
        return (await client.get(f"https://{host}:{port}/metrics")).text


async def serial_shown(port, folder):
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting(folder))
    shown = writer.get_extra_info("peercert")["serialNumber"]
    writer.close()
    await writer.wait_closed()
    return shown


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_prometheus_scrapes_with_the_authority_and_without_a_certificate(folder, registry, host):
    async with serving_metrics(registry, "127.0.0.1:0", Tls(files_of(folder, "policy"))) as port:
        assert "\npages_total 3.0\n" in await scraped(port, trusting(folder), host)


async def test_a_scraper_that_trusts_another_authority_is_not_deceived(folder, registry, tmp_path):
    other = an_authority(tmp_path / "theirs")
    async with serving_metrics(registry, "127.0.0.1:0", Tls(files_of(folder, "policy"))) as port:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await scraped(port, trusting(other))


async def test_where_there_is_tls_nothing_is_said_in_plaintext(folder, registry):
    async with (
        serving_metrics(registry, "127.0.0.1:0", Tls(files_of(folder, "policy"))) as port,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        with pytest.raises(httpx.TransportError):
            await client.get(f"http://127.0.0.1:{port}/metrics")


async def test_a_renewed_certificate_is_shown_to_whoever_connects_next(folder, registry):
    tls = Tls(files_of(folder, "policy"))
    async with serving_metrics(registry, "127.0.0.1:0", tls) as port:
        before = [await serial_shown(port, folder), await serial_shown(port, folder)]
        renew(folder)
        assert tls.reload()
        after = await serial_shown(port, folder)
    assert before[0] == before[1] != after


async def test_whoever_connects_and_never_shakes_hands_is_hung_up_on(folder, registry, monkeypatch):
    monkeypatch.setattr(pages_http, "_PATIENCE_SECONDS", 0.1)
    async with serving_metrics(registry, "127.0.0.1:0", Tls(files_of(folder, "policy"))) as port:
        silent = socket.create_connection(("127.0.0.1", port))
        silent.setblocking(False)
        async with asyncio.timeout(2):
            assert await asyncio.get_running_loop().sock_recv(silent, 1) == b""
        silent.close()


async def test_a_room_leaves_though_somebody_has_not_shaken_hands_yet(folder, registry, monkeypatch):
    monkeypatch.setattr(pages_http, "_PATIENCE_SECONDS", 0.1)  # from Python 3.12 on, leaving waits for it
    async with asyncio.timeout(3):
        async with serving_metrics(registry, "127.0.0.1:0", Tls(files_of(folder, "policy"))) as port:
            silent = socket.create_connection(("127.0.0.1", port))
        silent.close()
