"""Client channels with the options that every caller of these services wants."""

from typing import TYPE_CHECKING

import grpc

from pager_grpc.runtime.identities import server_name
from pager_grpc.runtime.shown_key import showing

if TYPE_CHECKING:
    from pager_grpc.runtime.tls import Tls

_OPTIONS = (
    # A dead peer is noticed while calls wait on it; the servers allow pings at this rate.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    # A restarted peer is found again soon; the library's own backoff grows to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Despite its name this is how long one attempt to connect may take; a loaded peer needs more than an instant.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    # The replicas of a list take turns: a repeat must not meet the same frozen one.
    ("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}'),
    # A channel to where another one of this process found nobody does not wait because that one waits.
    ("grpc.use_local_subchannel_pool", 1),
    # One retry layer: the outbox's. Transparent retries of calls that never left stay on.
    ("grpc.enable_retries", 0),
)


def open_channel(target: str, *, tls: "Tls | None" = None, room: str = "", key: str = "") -> grpc.aio.Channel:
    """A channel to ``target`` (host:port, or ``ipv4:host:port,host:port``); connects when first used.

    With ``tls`` only a server whose certificate is that of ``room`` is talked to, wherever it is; else in plaintext,
    and an API ``key`` that is given goes with each call: there no certificate says who calls.
    """
    if tls is None:
        return grpc.aio.insecure_channel(target, options=_OPTIONS, interceptors=showing(key) if key else None)
    from pager_grpc.runtime.secure_channel import SecureChannel  # noqa: PLC0415 - only with TLS

    return SecureChannel(target, tls, (*_OPTIONS, ("grpc.ssl_target_name_override", server_name(room))))
