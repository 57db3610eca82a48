"""``access.v1.AccessService``: request to values, use case, response."""

# ruff: noqa: N802 - the contract names the methods

from collections.abc import Callable
from typing import Any

import structlog

from pager_domain.access.application import AccessApplicationService
from pager_domain.access.keys import ApiKeyId
from pager_domain.errors import InvalidField
from pager_grpc.access import wire
from pager_grpc.access.principal import current_principal
from pager_grpc.gen.access.v1 import access_service_pb2 as pb
from pager_grpc.gen.access.v1 import access_service_pb2_grpc as pb_grpc
from pager_grpc.runtime.page_tokens import decode_token, encode_token, page_of, page_size_of

log = structlog.get_logger()


class AccessServicer(pb_grpc.AccessServiceServicer):
    """Domain errors pass through; the server's boundary writes them. ``changed`` is told which key is not as before."""

    def __init__(self, application: AccessApplicationService, changed: Callable[[ApiKeyId], None]) -> None:
        self._application = application
        self._changed = changed

    async def CreateApiKey(self, request: pb.CreateApiKeyRequest, context: Any) -> pb.CreateApiKeyResponse:
        """A key is made known."""
        message = request.api_key
        try:
            expires_at = wire.moment_of("expire_time", message.expire_time) if message.HasField("expire_time") else None
            key = await self._application.create(
                ApiKeyId(message.api_key_id),
                message.name,
                wire.grant_of(message),
                request.secret_hash,
                expires_at,
                by=current_principal().name,
            )
        except InvalidField as error:
            path = error.field if error.field == "secret_hash" else f"api_key.{error.field}"
            raise InvalidField(path, error.limit) from error
        self._changed(key.key_id)
        log.info("api_key_created", api_key_id=key.key_id, role=key.grant.role)
        return pb.CreateApiKeyResponse(api_key=wire.key_pb(key))

    async def ListApiKeys(self, request: pb.ListApiKeysRequest, context: Any) -> pb.ListApiKeysResponse:
        """A page of keys."""
        size = page_size_of(request.page_size)
        after = decode_token("page_token", request.page_token, str)
        keys = await self._application.page(ApiKeyId(str(after[0])) if after else None, size + 1)
        shown, token = page_of(keys, wire.key_pb, size, lambda key: encode_token(key.key_id))
        return pb.ListApiKeysResponse(api_keys=shown, next_page_token=token)

    async def RevokeApiKey(self, request: pb.RevokeApiKeyRequest, context: Any) -> pb.RevokeApiKeyResponse:
        """A key ends."""
        at = wire.moment_of("revoke_time", request.revoke_time) if request.HasField("revoke_time") else None
        key = await self._application.revoke(ApiKeyId(request.api_key_id), at)
        self._changed(key.key_id)
        log.info("api_key_revoked", api_key_id=key.key_id, revoke_time=str(key.revoked_at))
        return pb.RevokeApiKeyResponse(api_key=wire.key_pb(key))
