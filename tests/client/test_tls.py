"""A program over TLS: it knows the pager by its certificate, and goes on when that changes."""

from contextlib import AsyncExitStack, asynccontextmanager

import grpc
import pytest
from adapters.runtime.secured import an_authority, files_of
from cli.scripted_servers import an_incident

from pager_grpc.client import NotAnswered, PagerClient, TlsFiles, endpoints
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1.pager_service_pb2_grpc import add_PagerServiceServicer_to_server
from pager_grpc.runtime.tls import Tls


@pytest.fixture
def folder(tmp_path):
    return an_authority(tmp_path / "certificates")


@asynccontextmanager
async def secured(pager, tls, *, mutual, address="127.0.0.1:0"):
    pager.script.answers("GetIncident", pb.GetIncidentResponse(incident=an_incident()))
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    add_PagerServiceServicer_to_server(pager, server)
    port = server.add_secure_port(address, tls.server_credentials(mutual=mutual))
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def test_the_authority_is_enough_where_no_certificate_is_asked_for(pager, folder):
    async with (
        secured(pager, Tls(files_of(folder, "pager")), mutual=False) as address,
        PagerClient(address, tls=TlsFiles(folder / "ca.pem"), api_key="pgr_a_b", timeout=20) as client,
    ):
        assert (await client.get_incident("inc-1")).incident_id == "inc-1"
    assert pager.script.metadata[0]["authorization"] == "Bearer pgr_a_b"


async def test_a_server_that_is_not_the_pager_gets_no_key(pager, folder):
    async with (
        secured(pager, Tls(files_of(folder, "notifier")), mutual=False) as address,
        PagerClient(address, tls=TlsFiles(folder / "ca.pem"), api_key="pgr_a_b", timeout=1) as client,
    ):
        with pytest.raises(NotAnswered):
            await client.get_incident("inc-1")
    assert pager.script.metadata == []


async def test_a_client_that_lives_on_takes_over_new_certificates(pager, folder, monkeypatch):
    monkeypatch.setattr(endpoints, "_LOOK_AGAIN_SECONDS", 0.0)
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(secured(pager, Tls(files_of(folder, "pager")), mutual=True))
        async with PagerClient(address, tls=files_of(folder, "admin"), timeout=20) as client:
            await client.get_incident("inc-1")
            await stack.aclose()
            other = an_authority(folder.parent / "another")
            for name in ("ca.pem", "admin.pem", "admin.key"):
                (folder / name).write_bytes((other / name).read_bytes())
            async with secured(pager, Tls(files_of(other, "pager")), mutual=True, address=address):
                assert (await client.get_incident("inc-1")).incident_id == "inc-1"


async def test_files_that_cannot_be_used_are_told_before_anything_is_called(pager, folder):
    (folder / "admin.key").write_bytes((folder / "pager.key").read_bytes())
    with pytest.raises(ValueError, match="is not the key of the certificate"):
        async with PagerClient("127.0.0.1:1", tls=files_of(folder, "admin")):
            pass


def test_a_certificate_without_its_key_is_a_mistake(folder):
    with pytest.raises(ValueError, match="given together"):
        TlsFiles(folder / "ca.pem", folder / "admin.pem")
