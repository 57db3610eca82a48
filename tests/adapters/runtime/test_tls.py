"""Row 57 of the catalogue: who is refused, and that nobody notices when certificates change."""

import asyncio
import shutil
from datetime import timedelta

import grpc
import pytest
from adapters.runtime.secured import A_CALL, a_stranger, an_authority, asked, files_of, identity_seen, renew, serving
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pager_grpc.runtime.certificates import CertificateFault
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.tls import Tls, utc_now
from pager_grpc.runtime.tls_files import TlsFiles

SERVING = health_pb2.HealthCheckResponse.SERVING
LONG_AGO = timedelta(days=-1)


@pytest.fixture
def folder(tmp_path):
    return an_authority(tmp_path / "ours")


@pytest.fixture
def other(tmp_path):
    return an_authority(tmp_path / "theirs")


@pytest.fixture
async def policy(folder):
    async with serving(Tls(files_of(folder, "policy"), "policy"), "127.0.0.1:0") as server:
        yield server


async def refused(port, tls, room="policy"):
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await asked(port, tls, room)
    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
    return failure.value.details()


def without_judging_time(files):
    """A process whose clock stands still: it uses what has expired."""
    return Tls(files, now=lambda: utc_now() + LONG_AGO - timedelta(minutes=30))


async def test_a_service_with_a_certificate_of_our_authority_is_let_in_and_known_by_name(folder, policy):
    pager = Tls(files_of(folder, "pager"), "pager")
    assert await asked(policy.mutual_port, pager) == SERVING
    assert await identity_seen(policy.mutual_port, pager) == "spiffe://hexagonal-pager/pager"


async def test_a_caller_without_a_certificate_is_refused(folder, policy):
    await refused(policy.mutual_port, Tls(TlsFiles(folder / "ca.pem")))


async def test_a_caller_in_plaintext_is_refused(policy):
    await refused(policy.mutual_port, None)
    await refused(policy.callers_port, None)


async def test_a_caller_with_a_certificate_of_another_authority_is_refused(folder, other, policy):
    strange = TlsFiles(folder / "ca.pem", other / "pager.pem", other / "pager.key")
    await refused(policy.mutual_port, Tls(strange))


async def test_a_caller_whose_certificate_has_expired_is_refused(folder, policy):
    renew(folder, lifetime=LONG_AGO)
    await refused(policy.mutual_port, without_judging_time(files_of(folder, "pager")))


async def test_a_server_of_another_authority_is_refused(other, policy):
    said = await refused(policy.mutual_port, Tls(files_of(other, "pager")))
    assert "CERTIFICATE_VERIFY_FAILED" in said


async def test_a_service_at_the_address_of_another_one_is_refused_though_the_authority_is_right(folder, policy):
    said = await refused(policy.mutual_port, Tls(files_of(folder, "pager")), room="notifier")
    assert "Hostname Verification Check failed" in said


async def test_a_server_whose_certificate_has_expired_is_refused(folder):
    pager = Tls(files_of(folder, "pager"))
    renew(folder, lifetime=LONG_AGO)
    async with serving(without_judging_time(files_of(folder, "policy"))) as server:
        said = await refused(server.mutual_port, pager)
    assert "CERTIFICATE_VERIFY_FAILED" in said


async def test_a_caller_with_a_key_and_no_certificate_has_a_door_of_its_own_and_no_identity(folder, policy):
    caller = Tls(TlsFiles(folder / "ca.pem"))
    assert await asked(policy.callers_port, caller) == SERVING
    assert await identity_seen(policy.callers_port, caller) == "nobody"


async def test_a_certificate_is_not_looked_at_where_none_is_demanded(folder, policy):
    assert await identity_seen(policy.callers_port, Tls(files_of(folder, "pager"))) == "nobody"


@pytest.mark.parametrize(
    "uris",
    [
        (),
        ("spiffe://another-domain/pager",),
        ("spiffe://hexagonal-pager.example.com/pager",),
        ("https://hexagonal-pager/pager",),
        ("spiffe://hexagonal-pager/pager", "spiffe://hexagonal-pager/admin"),
    ],
    ids=["none", "another domain", "a longer domain", "another scheme", "two"],
)
async def test_a_certificate_of_our_authority_that_names_nobody_of_us_is_nobody(folder, policy, uris):
    assert await identity_seen(policy.mutual_port, Tls(a_stranger(folder, *uris))) == "nobody"


async def test_certificates_are_renewed_while_a_client_keeps_calling_and_no_call_is_lost(folder):
    servers_tls, clients_tls = Tls(files_of(folder, "policy"), "policy"), Tls(files_of(folder, "pager"), "pager")
    answered = asyncio.Queue()
    async with (
        serving(servers_tls) as server,
        open_channel(f"127.0.0.1:{server.mutual_port}", tls=clients_tls, room="policy") as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        watched = stub.Watch(A_CALL)
        assert (await watched.read()).status == SERVING

        async def call_on():
            while True:
                await stub.Check(A_CALL, timeout=10)
                answered.put_nowait(None)

        calling = [asyncio.create_task(call_on()) for _ in range(4)]
        for _ in range(5):
            renew(folder)
            assert [servers_tls.reload(), clients_tls.reload()] == [True, True]
            for _ in range(20):
                await answered.get()
        assert not any(task.done() for task in calling)
        await server.report_health(serving=False)
        assert (await watched.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING  # begun before all of it
        for task in calling:
            task.cancel()
        await asyncio.gather(*calling, return_exceptions=True)
        watched.cancel()


async def test_a_service_that_is_renewed_as_somebody_else_is_known_as_that_at_its_next_call(folder):
    server_tls, clients_tls = Tls(files_of(folder, "policy")), Tls(files_of(folder, "pager"))
    async with (
        serving(server_tls) as server,
        open_channel(f"127.0.0.1:{server.mutual_port}", tls=clients_tls, room="policy") as channel,
    ):
        who_am_i = channel.unary_unary("/any/Method")
        assert await who_am_i(b"", timeout=10) == b"spiffe://hexagonal-pager/pager"
        for end in ("pem", "key"):
            shutil.copy(folder / f"admin.{end}", folder / f"pager.{end}")
        assert clients_tls.reload()
        assert await who_am_i(b"", timeout=10) == b"spiffe://hexagonal-pager/admin"


async def test_the_authority_is_changed_by_an_overlap_and_each_step_is_understood_by_those_who_lag_behind(
    folder, other
):
    def trusting_both(name, of):
        both = folder / "both.pem"
        both.write_bytes((folder / "ca.pem").read_bytes() + (other / "ca.pem").read_bytes())
        return TlsFiles(both, of / f"{name}.pem", of / f"{name}.key")

    steps = [files_of(folder, "policy"), trusting_both("policy", folder), trusting_both("policy", other)]
    clients = [files_of(folder, "pager"), trusting_both("pager", folder), trusting_both("pager", other)]
    for server_step, files in enumerate(steps):
        async with serving(Tls(files, "policy")) as server:
            for client_step, client in enumerate(clients):
                if abs(server_step - client_step) <= 1:
                    assert await asked(server.mutual_port, Tls(client, "pager")) == SERVING
    async with serving(Tls(files_of(other, "policy"))) as server:
        assert await asked(server.mutual_port, Tls(clients[-1])) == SERVING
        await refused(server.mutual_port, Tls(clients[0]))


async def test_a_running_server_takes_over_another_authority(folder, other):
    tls = Tls(files_of(folder, "policy"))
    async with serving(tls) as server:
        await refused(server.mutual_port, Tls(files_of(other, "pager")))
        for name in ("ca.pem", "policy.pem", "policy.key"):
            shutil.copy(other / name, folder / name)
        assert tls.reload()
        assert await asked(server.mutual_port, Tls(files_of(other, "pager"))) == SERVING


async def test_half_of_a_new_pair_is_not_taken_over_and_the_rest_of_it_is(folder, other, capsys):
    tls = Tls(files_of(folder, "policy"))
    before = tls.material
    shutil.copy(other / "policy.key", folder / "policy.key")
    assert [tls.reload(), tls.reload()] == [False, False]
    assert tls.material is before
    said = capsys.readouterr()
    assert (said.out + said.err).count("certificates_not_taken_over") == 1
    shutil.copy(other / "policy.pem", folder / "policy.pem")
    shutil.copy(other / "ca.pem", folder / "ca.pem")
    assert [tls.reload(), tls.reload()] == [True, False]


@pytest.mark.parametrize("name", ["ca.pem", "policy.pem", "policy.key"])
async def test_files_that_vanish_leave_what_is_in_use(folder, name):
    servers_tls, clients_tls = Tls(files_of(folder, "policy")), Tls(files_of(folder, "pager"))
    (folder / name).unlink()
    assert not servers_tls.reload()
    async with serving(servers_tls) as server:
        assert await asked(server.mutual_port, clients_tls) == SERVING


async def test_a_server_without_a_certificate_is_a_mistake(folder):
    with pytest.raises(CertificateFault):
        Tls(TlsFiles(folder / "ca.pem")).server_credentials(mutual=True)
