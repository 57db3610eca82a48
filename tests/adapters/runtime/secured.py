"""Certificates in a folder, and servers and callers that use them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pager_grpc.daemon import certificates
from pager_grpc.daemon.certificates import write_certificates
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.peer import peer_identity
from pager_grpc.runtime.server import Server
from pager_grpc.runtime.tls import Tls
from pager_grpc.runtime.tls_files import TlsFiles

A_CALL = health_pb2.HealthCheckRequest()


def an_authority(folder: Path, hosts: Sequence[str] = (), *, lifetime: timedelta = timedelta(days=90)) -> Path:
    """A folder with an authority and what it gave to pager, policy, notifier and admin."""
    write_certificates(folder, hosts, lifetime=lifetime)
    return folder


def files_of(folder: Path, name: str) -> TlsFiles:
    """What a service has, as `pagerd certificates` writes it."""
    return TlsFiles(folder / "ca.pem", folder / f"{name}.pem", folder / f"{name}.key")


def renew(folder: Path, **more: timedelta) -> None:
    """New certificates by the same authority."""
    write_certificates(folder, renew=True, **more)


class Identities(grpc.GenericRpcHandler):
    """Answers any method that is not known otherwise with who asks."""

    def service(self, _):
        async def answer(_, context):
            return (peer_identity(context) or "nobody").encode()

        return grpc.unary_unary_rpc_method_handler(answer)


@asynccontextmanager
async def serving(tls: Tls | None, callers_listen: str | None = None) -> AsyncIterator[Server]:
    """A server with gRPC health; ``mutual_port`` is where a certificate is demanded."""
    server = Server("a.Service", {}, tls=tls, callers_listen=callers_listen)
    server.grpc.add_generic_rpc_handlers((Identities(),))
    server.mutual_port = await server.start("127.0.0.1:0")
    await server.report_health(serving=True)
    try:
        yield server
    finally:
        await server.grpc.stop(None)


async def asked(port: int, tls: Tls | None, room: str = "policy") -> int:
    """The health that the server tells.

    Raises:
        grpc.aio.AioRpcError: they did not come together.
    """
    async with open_channel(f"127.0.0.1:{port}", tls=tls, room=room) as channel:
        return (await health_pb2_grpc.HealthStub(channel).Check(A_CALL, timeout=10)).status


async def identity_seen(port: int, tls: Tls) -> str:
    """Whom the server takes the caller for."""
    async with open_channel(f"127.0.0.1:{port}", tls=tls, room="policy") as channel:
        return (await channel.unary_unary("/any/Method")(b"", timeout=10)).decode()


def a_stranger(folder: Path, *uris: str) -> TlsFiles:
    """A certificate by our authority that is for ``uris``."""
    authority, key = certificates._read_authority(folder / "ca.pem", folder / "ca.key")
    names = [x509.UniformResourceIdentifier(uri) for uri in uris] or [x509.DNSName("pager.hexagonal-pager.internal")]
    leaf, leaf_key = certificates._new_leaf("stranger", names, authority, key, timedelta(days=1))
    (folder / "stranger.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    (folder / "stranger.key").write_bytes(certificates._pem_of_key(leaf_key))
    (folder / "stranger.key").chmod(0o600)
    return files_of(folder, "stranger")
