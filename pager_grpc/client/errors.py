"""What a call can end with instead of an answer.

::

    PagerError
    ├── Refused      the server said no, and did nothing
    └── NotAnswered  nobody knows whether it was done: repeat it with the same request_id
"""

from dataclasses import dataclass
from datetime import timedelta

import grpc

from pager_grpc.runtime.errors import RpcFault

_REFUSALS = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)


@dataclass(eq=False)
class PagerError(Exception):
    """A call without a good answer. ``request_id`` is empty where the request carried none.

    ``sent`` is False if no connection could be made for any attempt, so that no server has seen it.
    """

    fault: RpcFault
    request_id: str = ""
    sent: bool = True

    @property
    def code(self) -> grpc.StatusCode:
        """The status code of the last attempt."""
        return self.fault.code

    @property
    def reason(self) -> str:
        """The name of a value of the service's ``ErrorReason``, like ``ERROR_REASON_INVALID_FIELD``; or empty."""
        return self.fault.reason

    @property
    def metadata(self) -> dict[str, str]:
        """What the ``ErrorReason`` promises to say besides, like ``field`` and ``limit``."""
        return dict(self.fault.metadata)

    @property
    def retry_after(self) -> timedelta | None:
        """How long the server asks to be left alone; None if it does not say."""
        return self.fault.retry_after

    def __str__(self) -> str:
        return f"{self.fault.code.name}: {self.fault.message}"


class Refused(PagerError):
    """The server said no and did nothing. Repeating the same call will be refused again, unless something changes."""


class NotAnswered(PagerError):
    """The time was over, or the server failed: the call may have had its effect, or may have it yet."""


def failure(fault: RpcFault, request_id: str = "", *, sent: bool = True) -> PagerError:
    """The error that ``fault`` is."""
    kind = Refused if fault.code in _REFUSALS else NotAnswered
    return kind(fault, request_id, sent)
