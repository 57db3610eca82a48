"""The lanes of what every room serves beside its own: its keys, the records of its changes, how it is."""

from typing import Final

from pager_grpc.runtime.admission import LaneOf
from pager_grpc.runtime.lanes import Lane

SHARED_LANES: Final[dict[str, LaneOf]] = {
    "/access.v1.AccessService/CreateApiKey": Lane.ADMINISTRATION,
    "/access.v1.AccessService/ListApiKeys": Lane.ADMINISTRATION,
    "/access.v1.AccessService/RevokeApiKey": Lane.ADMINISTRATION,
    "/changes.v1.ChangeLogService/ListChangeRecords": Lane.ADMINISTRATION,
    "/status.v1.StatusService/GetStatus": Lane.READ,
}
