"""HTTP that goes out: where it may be led, and how much it listens to."""

import asyncio
import gzip
import ssl
from ipaddress import ip_address

import httpx
import pytest
import trustme
from adapters.web import Web, said

from pager_grpc.runtime.outbound_addresses import Destinations, networks_of
from pager_grpc.runtime.outbound_http import MOST_BYTES, OutboundRefused, outbound_client

NAME = "gateway.invalid"  # no system resolves it (RFC 6761): who reaches it was led by the test
LOOPBACK = Destinations(networks_of("127.0.0.1"))
BENT = [
    *("10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "127.8.8.8", "0.0.0.0", "100.64.0.1", "198.18.0.1"),
    *("169.254.169.254", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fd00:ec2::254", "ff02::1", "::ffff:169.254.169.254", "::ffff:127.0.0.1"),
    *("2002:7f00:1::1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2001:0:53aa:64c:0:0:80ff:fffe"),
]


@pytest.mark.parametrize("address", BENT)
def test_an_address_that_is_not_public_is_refused_and_named(address):
    assert "not a public address" in Destinations().refusal(ip_address(address), "https")


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111"])
def test_a_public_address_is_called_by_https_only(address):
    assert not Destinations().refusal(ip_address(address), "https")
    assert "plain http" in Destinations().refusal(ip_address(address), "http")


def test_a_network_that_is_allowed_may_be_called_by_either_and_its_neighbour_by_none():
    allowed = Destinations(networks_of("10.1.0.0/16, fd00::/8"))
    for inside in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1"):
        assert not allowed.refusal(ip_address(inside), "http")
    for outside in ("10.2.0.1", "fe80::1"):
        assert allowed.refusal(ip_address(outside), "https")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8025/x", "http://localhost:8025", "http://[::1]/", "http://127.9.9.9"]
)
def test_an_operator_who_writes_loopback_means_it(url):
    assert not Destinations.of_operator(url).refusal(ip_address("127.0.0.1"), "http")


@pytest.mark.parametrize("url", ["http://localhost.example.com", "http://10.0.0.1", f"http://{NAME}"])
def test_an_operator_who_writes_anything_else_is_not_led_to_loopback(url):
    assert Destinations.of_operator(url).refusal(ip_address("127.0.0.1"), "http")


class Names:
    """A name server that tells one list of addresses after the other."""

    def __init__(self, *told: str) -> None:
        self._told = [[ip_address(address) for address in one.split()] for one in told]
        self.asked: list[str] = []

    async def __call__(self, host, port):
        self.asked.append(host)
        return self._told.pop(0)


async def test_a_name_is_resolved_once_and_called_where_it_was_found(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    names = Names("127.0.0.1")
    async with Web(said(b"hello")).running() as web, outbound_client(LOOPBACK, resolve=names) as client:
        answer = await client.get(f"http://{NAME}:{web.port}/x")
    assert (answer.status_code, answer.content, names.asked) == (200, b"hello", [NAME])
    assert f"host: {NAME}:{web.port}".encode() in web.requests[0].lower()
    assert b"accept-encoding: identity" in web.requests[0].lower()


async def test_a_name_that_is_bound_again_to_another_address_leads_nowhere():
    names = Names("127.0.0.1", "127.0.0.2", "169.254.169.254")
    async with Web(said(b"hello")).running() as web, outbound_client(LOOPBACK, resolve=names) as client:
        await client.get(f"http://{NAME}:{web.port}/")
        for _ in range(2):
            with pytest.raises(OutboundRefused, match="not a public address"):
                await client.get(f"http://{NAME}:{web.port}/")
    assert len(web.requests) == 1


async def test_of_several_addresses_only_those_that_may_be_called_are_and_one_that_is_dead_gives_way():
    names = Names("10.0.0.1 127.0.0.3 127.0.0.1")
    destinations = Destinations(networks_of("127.0.0.3,127.0.0.1"))
    async with Web(said(b"hello")).running() as web, outbound_client(destinations, resolve=names) as client:
        assert (await client.get(f"http://{NAME}:{web.port}/")).content == b"hello"


async def test_a_name_that_nobody_knows_is_a_connection_that_could_not_be_made():
    async with outbound_client(LOOPBACK) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"https://{NAME}/")


async def test_a_certificate_must_be_that_of_the_name_though_an_address_is_called():
    authority = trustme.CA()
    trusting, serving = ssl.create_default_context(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.configure_trust(trusting)
    authority.issue_cert(NAME).configure_cert(serving)
    names = Names("127.0.0.1", "127.0.0.1")
    async with (
        Web(said(b"hello")).running(serving) as web,
        outbound_client(LOOPBACK, resolve=names, tls=trusting) as client,
    ):
        assert (await client.get(f"https://{NAME}:{web.port}/")).content == b"hello"
        with pytest.raises(httpx.ConnectError, match="certificate"):
            await client.get(f"https://other.invalid:{web.port}/")


async def test_a_redirect_to_the_metadata_service_is_not_followed():
    answer = said(b"", "Location: http://169.254.169.254/latest/meta-data", status="302 Found")
    async with Web(answer).running() as web, outbound_client(LOOPBACK) as client:
        assert (await client.get(f"http://127.0.0.1:{web.port}/")).status_code == 302
    assert len(web.requests) == 1


async def test_a_gzip_bomb_is_not_unpacked():
    bomb = gzip.compress(bytes(20_000_000))
    assert len(bomb) < MOST_BYTES
    async with Web(said(bomb, "Content-Encoding: gzip")).running() as web, outbound_client(LOOPBACK) as client:
        assert (await client.get(f"http://127.0.0.1:{web.port}/")).content == bomb


@pytest.mark.parametrize(("size", "fits"), [(MOST_BYTES, True), (MOST_BYTES + 1, False), (100 * MOST_BYTES, False)])
async def test_an_answer_has_64_kib_at_most(size, fits):
    async with Web(said(bytes(size))).running() as web, outbound_client(LOOPBACK) as client:
        if fits:
            assert len((await client.get(f"http://127.0.0.1:{web.port}/")).content) == size
        else:
            with pytest.raises(httpx.ReadError, match="65536 bytes"):
                await client.get(f"http://127.0.0.1:{web.port}/")


async def test_an_endless_answer_is_hung_up_on():
    async def endless(writer):
        while True:
            writer.write(bytes(10_000))
            await writer.drain()

    web = Web(b"HTTP/1.1 200 OK\r\n\r\n", endless)
    async with web.running(), outbound_client(LOOPBACK) as client:
        with pytest.raises(httpx.ReadError):
            await client.get(f"http://127.0.0.1:{web.port}/")
        async with asyncio.timeout(15):
            await web.hung_up.wait()


@pytest.mark.parametrize("answer", [b"", said(b"", length=1000)], ids=["no headers", "a drip at a time"])
async def test_an_exchange_ends_in_time_however_slowly_the_other_side_speaks(answer):
    async def drip(writer):
        while True:
            if answer:
                writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.01)  # the fault itself: a server that takes its time

    async with Web(answer, drip).running() as web, outbound_client(LOOPBACK, seconds=0.3) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"http://127.0.0.1:{web.port}/")
