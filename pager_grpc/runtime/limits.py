"""What one caller may take of a server before its method is looked at. docs/security.md has the table.

gRPC enforces these: a call over one of them ends before any code of ours runs.
"""

from dataclasses import dataclass
from typing import Final

_KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Limits of one server.

    Sizes are bytes, spans seconds. ``streams`` are calls at once on one connection, ``pending`` those on all that wait
    until our code hears of them: beyond it gRPC refuses whatever comes, so it only bounds memory. A connection is asked
    to end at ``connection_age``, give or take a tenth, and ``connection_grace`` after that its calls are cut.

    Raises:
        ValueError: a limit would let nobody in.
    """

    message: int = 64 * _KIB
    metadata: int = 8 * _KIB
    connections: int = 1000
    streams: int = 512
    pending: int = 10_000
    handshake: float = 10.0
    ping_interval: float = 10.0
    connection_age: float = 1800.0
    connection_grace: float = 330.0

    def __post_init__(self) -> None:
        """Refuses what is not positive."""
        for name in self.__slots__:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: must be more than 0")

    def options(self) -> tuple[tuple[str, int], ...]:
        """As gRPC wants to be told."""
        return (
            ("grpc.max_receive_message_length", self.message),
            # Else gRPC takes megabytes of a stream ahead of whoever reads it, by how fast it was read before.
            ("grpc.http2.bdp_probe", 0),
            # Between the two gRPC refuses by chance; equal, there is one limit.
            ("grpc.max_metadata_size", self.metadata),
            ("grpc.absolute_max_metadata_size", self.metadata),
            ("grpc.max_allowed_incoming_connections", self.connections),
            ("grpc.max_concurrent_streams", self.streams),
            ("grpc.server.max_pending_requests", self.pending),
            ("grpc.server.max_pending_requests_hard_limit", self.pending),
            ("grpc.server_handshake_timeout_ms", _milliseconds(self.handshake)),
            # Clients may ping this often while a call runs (see channels.py), and without a call not at all: the third
            # ping too many ends the connection.
            ("grpc.http2.min_ping_interval_without_data_ms", _milliseconds(self.ping_interval)),
            ("grpc.keepalive_permit_without_calls", 0),
            ("grpc.http2.max_ping_strikes", 2),
            ("grpc.max_connection_age_ms", _milliseconds(self.connection_age)),
            ("grpc.max_connection_age_grace_ms", _milliseconds(self.connection_grace)),
        )


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
