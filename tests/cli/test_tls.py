"""pagerctl over TLS: whom it trusts, what it shows, and what it says when that does not do."""

from contextlib import asynccontextmanager
from datetime import timedelta

import grpc
import pytest
from adapters.runtime.secured import an_authority, files_of

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1.pager_service_pb2_grpc import add_PagerServiceServicer_to_server
from pager_grpc.gen.policy.v1.policy_service_pb2_grpc import add_PolicyServiceServicer_to_server
from pager_grpc.runtime.tls import Tls


@pytest.fixture
def folder(tmp_path):
    return an_authority(tmp_path / "certificates")


@pytest.fixture(autouse=True)
def answering(pager):
    pager.script.answers("ListMonitoredServices", pb.ListMonitoredServicesResponse())


@asynccontextmanager
async def secured(add, servicer, tls, *, mutual=True):
    """Serves ``servicer`` and yields its address."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    add(servicer, server)
    port = server.add_secure_port("127.0.0.1:0", tls.server_credentials(mutual=mutual))
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@pytest.fixture
async def demanding(folder, pager):
    """The pager's address where certificates are demanded."""
    async with secured(add_PagerServiceServicer_to_server, pager, Tls(files_of(folder, "pager"))) as address:
        yield address


@pytest.fixture
async def trusting(folder, pager):
    """The pager's address for callers without a certificate."""
    tls = Tls(files_of(folder, "pager"))
    async with secured(add_PagerServiceServicer_to_server, pager, tls, mutual=False) as address:
        yield address


def authority(folder):
    return {"PAGERCTL_TLS_CA": str(folder / "ca.pem")}


def admin(folder):
    pair = {"PAGERCTL_TLS_CERT": str(folder / "admin.pem"), "PAGERCTL_TLS_KEY": str(folder / "admin.key")}
    return authority(folder) | pair


async def test_an_admin_shows_a_certificate(pagerctl, folder, demanding):
    done = await pagerctl("services", "--target", demanding, **admin(folder))
    assert (done.code, done.err) == (0, "")


async def test_a_caller_without_a_certificate_has_the_authority_alone(pagerctl, folder, trusting):
    done = await pagerctl("services", "--target", trusting, **authority(folder))
    assert (done.code, done.err) == (0, "")


async def test_the_policy_service_is_known_by_its_own_name(pagerctl, folder, policies):
    tls = Tls(files_of(folder, "policy"))
    async with secured(add_PolicyServiceServicer_to_server, policies, tls) as address:
        done = await pagerctl("policy", "list", "--policy-target", address, **admin(folder))
    assert (done.code, done.err) == (0, "")


async def test_a_server_that_the_authority_does_not_vouch_for_is_named_as_that(pagerctl, trusting, tmp_path):
    done = await pagerctl("services", "--target", trusting, **authority(an_authority(tmp_path / "theirs")))
    assert done.code == 3
    assert done.err == (
        f"pagerctl: the server at {trusting} cannot prove that it is the pager: "
        "PAGERCTL_TLS_CA does not vouch for its certificate, or it is that of another service\n"
    )


async def test_another_service_at_the_address_is_named_as_that(pagerctl, folder, pager):
    async with secured(add_PagerServiceServicer_to_server, pager, Tls(files_of(folder, "policy"))) as address:
        done = await pagerctl("services", "--target", address, **admin(folder))
    assert done.code == 3
    assert "cannot prove that it is the pager" in done.err


@pytest.mark.parametrize("brought", [lambda _: {}, authority], ids=["plaintext", "no certificate"])
async def test_a_door_that_stays_shut_says_what_to_bring(pagerctl, folder, demanding, brought):
    done = await pagerctl("services", "--target", demanding, "--timeout", "1", **brought(folder))
    assert done.code == 3
    assert "PAGERCTL_TLS_CA" in done.err
    assert "PAGERCTL_TLS_CERT" in done.err


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"PAGERCTL_TLS_CERT": "admin.pem", "PAGERCTL_TLS_KEY": "admin.key"}, "PAGERCTL_TLS_CA: is required"),
        ({"PAGERCTL_TLS_CA": "ca.pem", "PAGERCTL_TLS_CERT": "admin.pem"}, "are given together or not at all"),
        ({"PAGERCTL_TLS_CA": "nothing.pem"}, "nothing.pem cannot be read (No such file or directory)"),
    ],
)
async def test_files_that_cannot_be_used_are_named(pagerctl, folder, trusting, given, words):
    paths = {variable: str(folder / name) for variable, name in given.items()}
    done = await pagerctl("services", "--target", trusting, **paths)
    assert done.code == 2
    assert words in done.err


async def test_an_expired_certificate_is_not_even_shown(pagerctl, demanding, tmp_path):
    old = an_authority(tmp_path / "old", lifetime=timedelta(days=-1))
    done = await pagerctl("services", "--target", demanding, **admin(old))
    assert done.code == 2
    assert f"{old}/admin.pem expired on " in done.err
