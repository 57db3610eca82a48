"""A channel over TLS that outlives its certificates.

gRPC's channel keeps the credentials with which it was made. This one makes another when there are newer ones; calls
that run stay on the old one, for an hour at most.
"""

# grpc's classes are generic for the type checker only; annotations must not be evaluated.
from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

import grpc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from pager_grpc.runtime.tls import Tls

LAST_CALLS_SECONDS = 3600.0


class SecureChannel(grpc.aio.Channel):
    """What stubs need of a channel to ``target``; new calls go over the certificates that ``tls`` has then."""

    def __init__(self, target: str, tls: Tls, options: Sequence[tuple[str, Any]]) -> None:
        self._target = target
        self._tls = tls
        self._options = options
        self._leaving: set[asyncio.Task[None]] = set()
        self._open()

    def current(self) -> grpc.aio.Channel:
        """The channel for the next call."""
        if self._tls.material is not self._material:
            former = self._channel
            self._open()
            task = asyncio.create_task(_left(former))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
        return self._channel

    def _open(self) -> None:
        self._material = self._tls.material
        self._channel = grpc.aio.secure_channel(self._target, self._tls.channel_credentials(), options=self._options)

    def unary_unary(self, *method: Any, **details: Any) -> Any:
        """A method of a stub."""
        return _Method(self, "unary_unary", method, details)

    def unary_stream(self, *method: Any, **details: Any) -> Any:
        """A method of a stub."""
        return _Method(self, "unary_stream", method, details)

    def stream_unary(self, *method: Any, **details: Any) -> Any:
        """A method of a stub."""
        return _Method(self, "stream_unary", method, details)

    def stream_stream(self, *method: Any, **details: Any) -> Any:
        """A method of a stub."""
        return _Method(self, "stream_stream", method, details)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """That of the channel for the next call."""
        return self.current().get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Of the channel for the next call."""
        await self.current().wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Returns when the channel for the next call is connected."""
        await self.current().channel_ready()

    async def close(self, grace: float | None = None) -> None:
        """Ends all calls, those on earlier certificates at once."""
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        await self._channel.close(grace)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _left(channel: grpc.aio.Channel) -> None:
    try:
        await channel.close(LAST_CALLS_SECONDS)
    finally:
        await channel.close()


class _Method:
    """A multi-callable that is made again for each channel."""

    def __init__(self, channel: SecureChannel, kind: str, method: tuple[Any, ...], details: dict[str, Any]) -> None:
        self._channel = channel
        self._kind = kind
        self._method = method
        self._details = details
        self._made_for: grpc.aio.Channel | None = None
        self._call: Any = None

    def __call__(self, *arguments: Any, **details: Any) -> Any:
        channel = self._channel.current()
        if channel is not self._made_for:
            self._call = getattr(channel, self._kind)(*self._method, **self._details)
            self._made_for = channel
        return self._call(*arguments, **details)
