"""The lane of every call of the notifier: messages pass; who looks at the ledger may have to wait."""

from typing import Final

from pager_grpc.access.lanes import SHARED_LANES
from pager_grpc.runtime.admission import LaneOf
from pager_grpc.runtime.lanes import Lane

PLACES: Final = {Lane.READ: 4, Lane.ADMINISTRATION: 4}

LANES: Final[dict[str, LaneOf]] = SHARED_LANES | {
    f"/notifier.v1.NotifierService/{method}": lane
    for method, lane in {
        "SendEmail": Lane.VITAL,
        "SendSms": Lane.VITAL,
        "SendMessages": Lane.VITAL,  # flow control holds a stream back
        "GetDelivery": Lane.READ,
        "ListDeliveries": Lane.READ,
    }.items()
}
