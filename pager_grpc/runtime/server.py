"""A gRPC server that is ready, healthy, inspectable and leaves politely."""

import asyncio
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from pager_domain.errors import StoreUnavailable
from pager_grpc.runtime.config import ConfigurationFault
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.doors import HEALTH, give_doors
from pager_grpc.runtime.errors import ErrorTable
from pager_grpc.runtime.limits import ServerLimits
from pager_grpc.runtime.rpc_boundary import RpcBoundary, RpcLayer

if TYPE_CHECKING:
    from pager_grpc.runtime.tls import Tls

log = structlog.get_logger()

DRAIN_SECONDS = 10.0
_HEALTH_CHECK_SECONDS = 2.0


# Without this Linux lets two servers share a port in silence.
_ALONE = ("grpc.so_reuseport", 0)


class Server:
    """One room's server: its servicer, health per service name, reflection.

    ``health`` is SERVING for ``service_name``, for ``also_served`` and for "" while the database answers and its schema
    is for this code. ``doors`` are the methods that stand behind no other. ``layers`` are around every call of the
    room's own services; ``metrics`` are around them, and ``traces`` around those. With ``tls`` each caller must show a
    certificate, except those who come to ``callers_listen``; ``callers_port`` is its port once it is open.
    """

    def __init__(
        self,
        service_name: str,
        errors: ErrorTable,
        *,
        also_served: Sequence[str] = (),
        reflected: bool = True,
        limits: ServerLimits | None = None,
        doors: Collection[str] = (HEALTH,),
        metrics: Sequence[RpcLayer] = (),
        traces: RpcLayer | None = None,
        layers: Sequence[RpcLayer] = (),
        tls: "Tls | None" = None,
        callers_listen: str | None = None,
    ) -> None:
        self._service_names = (service_name, *also_served)
        outside = [*([traces] if traces is not None else []), *metrics]
        self._boundary = RpcBoundary(errors, outside=outside, inside=layers)
        options = (_ALONE, *(limits or ServerLimits()).options())
        self.grpc = grpc.aio.server(interceptors=[self._boundary], options=options)
        give_doors(self.grpc, doors)
        self._tls = tls
        self._callers_listen = callers_listen
        self.callers_port: int | None = None
        self._health = HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.grpc)
        if reflected:
            health = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
            reflection.enable_server_reflection((*self._service_names, health, reflection.SERVICE_NAME), self.grpc)

    async def start(self, listen: str) -> int:
        """Opens ``listen`` (host:port; port 0 takes any) and returns the port.

        Raises:
            ConfigurationFault: an address cannot be opened.
        """
        port = self._open(listen)
        if self._callers_listen is not None:
            self.callers_port = self._open(self._callers_listen, mutual=False)
            log.info("serving_callers_without_certificates", port=self.callers_port)
        await self.grpc.start()
        return port

    def _open(self, listen: str, *, mutual: bool = True) -> int:
        try:
            if self._tls is None:
                return self.grpc.add_insecure_port(listen)
            return self.grpc.add_secure_port(listen, self._tls.server_credentials(mutual=mutual))
        except RuntimeError as error:
            raise ConfigurationFault([f"{listen}: cannot be opened; is another process listening there?"]) from error

    async def report_health(self, *, serving: bool) -> None:
        """Says to health checkers whether calls make sense now."""
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in (*self._service_names, ""):
            await self._health.set(name, status)

    async def check_health(self, database: Database) -> float:
        """One step of the health loop: SERVING while the database may be used. Returns seconds until the next."""
        try:
            async with asyncio.timeout(_HEALTH_CHECK_SECONDS):
                await database.look()
        except (StoreUnavailable, TimeoutError) as error:
            await self.report_health(serving=False)
            raise StoreUnavailable from error.__cause__ or error
        await self.report_health(serving=True)
        return _HEALTH_CHECK_SECONDS

    async def stop(self) -> None:
        """Tells health checkers, sends new calls elsewhere, finishes the running ones within 10 seconds."""
        self._boundary.send_elsewhere()
        await self._health.enter_graceful_shutdown()
        await self._boundary.until_nobody_comes()
        await self.grpc.stop(DRAIN_SECONDS)
