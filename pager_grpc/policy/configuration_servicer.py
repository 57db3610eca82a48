"""``policy.v1.ConfigurationService``: request to values, use case, response."""

# ruff: noqa: N802 - the contract names the methods

from typing import Any

from pager_domain.policy.applying import ConfigurationApplicationService
from pager_grpc.gen.policy.v1 import configuration_service_pb2 as pb
from pager_grpc.gen.policy.v1 import configuration_service_pb2_grpc as pb_grpc
from pager_grpc.policy.configuration_wire import applied_to, configuration_from

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["ConfigurationService"].full_name


class ConfigurationServicer(pb_grpc.ConfigurationServiceServicer):
    """Domain errors pass through; the server's boundary writes them."""

    def __init__(self, application: ConfigurationApplicationService) -> None:
        self._application = application

    async def ApplyConfiguration(
        self, request: pb.ApplyConfigurationRequest, context: Any
    ) -> pb.ApplyConfigurationResponse:
        """All of it, or nothing."""
        applied = await self._application.apply(
            configuration_from(request), base_etag=request.base_etag, validated_only=request.validated_only
        )
        return applied_to(applied)
