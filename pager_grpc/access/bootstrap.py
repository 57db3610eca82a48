"""Access put together for one room: what its server needs of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import grpc
import structlog

from pager_domain.access.application import AccessApplicationService
from pager_domain.access.ports.api_keys import ApiKeys
from pager_domain.kernel import Clock
from pager_grpc.access.api_keys_sql import SqlApiKeys
from pager_grpc.access.callers import Callers, Tokens
from pager_grpc.access.config import AccessSettings
from pager_grpc.access.first_admin import first_admin
from pager_grpc.access.known_keys import KnownKeys
from pager_grpc.access.layer import AccessLayer
from pager_grpc.access.service_secret import service_keys
from pager_grpc.access.servicer import AccessServicer
from pager_grpc.access.table import ACCESS_ROWS, ACCESS_SERVICE, AccessTable
from pager_grpc.access.wire_errors import ERRORS
from pager_grpc.gen.access.v1 import access_service_pb2_grpc as pb_grpc
from pager_grpc.runtime.clock import SystemClock
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.errors import ErrorTable
from pager_grpc.runtime.peer import peer_identity
from pager_grpc.runtime.rpc_boundary import RpcLayer

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Access:
    """What a room's server is made with. Where access is open there is no layer: calls cost nothing more.

    ``reflected`` is False where access is required: what can be asked here is nobody's business.
    """

    layers: Sequence[RpcLayer]
    also_served: Sequence[str]
    reflected: bool
    servicer: AccessServicer | None

    def errors_with(self, errors: ErrorTable) -> ErrorTable:
        """Those of the room and of access."""
        return {**ERRORS, **errors}

    def serve(self, server: grpc.aio.Server) -> None:
        """Adds the service that makes and revokes keys, unless anybody could make one for later."""
        if self.servicer is not None:
            pb_grpc.add_AccessServiceServicer_to_server(self.servicer, server)


def access_of(settings: AccessSettings, table: AccessTable, database: Database) -> Access:
    """Access to the room whose methods are in ``table``, by the keys in its ``database``."""
    if not settings.access_required:
        if settings.insecure or settings.tls_files is not None:
            log.warning("access_open", because="whoever reaches this service may do everything; PAGERD_ACCESS=required")
        return Access((), (), settings.reflection, None)
    clock = SystemClock()
    keys: ApiKeys = SqlApiKeys(database)
    identity = peer_identity if settings.tls_files is not None else None
    secret = settings.service_secret
    of_services = service_keys(secret) if secret is not None else {}
    known = KnownKeys(keys, {**of_services, **first_admin(settings.admin_key_hash)})
    callers = Callers(known, clock, _tokens(settings, clock), identity)
    layer = AccessLayer(callers, {**table, **ACCESS_ROWS})
    log.info("access_required", tokens=settings.jwt_issuer or "", certificates=identity is not None)
    servicer = AccessServicer(AccessApplicationService(keys, clock), known.forget)
    return Access((layer,), (ACCESS_SERVICE,), False, servicer)


def _tokens(settings: AccessSettings, clock: Clock) -> Tokens | None:
    if settings.jwks is None or settings.jwt_issuer is None or settings.jwt_audience is None:
        return None
    # Without an issuer nobody waits for PyJWT and httpx.
    from pager_grpc.access.jwks import Jwks, reader_of  # noqa: PLC0415 - see above
    from pager_grpc.access.tokens_jwt import JwtTokens  # noqa: PLC0415 - see above

    keys = Jwks(reader_of(settings.jwks, settings.outbound_allow))
    return JwtTokens(settings.jwt_issuer, settings.jwt_audience, keys, clock)
