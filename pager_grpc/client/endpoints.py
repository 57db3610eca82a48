"""The way to one or several servers of the same kind: the one place where channels get what proves who calls."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

import grpc

from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.tls_files import TlsFiles
from pager_grpc.runtime.trace_context import outgoing_metadata

if TYPE_CHECKING:
    from pager_grpc.runtime.tls import Tls

Target = str | Sequence[str]
Metadata = tuple[tuple[str, str], ...]
_LOOK_AGAIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller proves itself with, and whom it trusts.

    An API key (or a JWT) goes with each call; none where access is open. Without ``tls`` calls are in plaintext.
    """

    api_key: str = field(default="", repr=False)
    tls: TlsFiles | None = None

    @property
    def metadata(self) -> Metadata:
        """What goes with each call."""
        return (("authorization", f"Bearer {self.api_key}"),) if self.api_key else ()


class Endpoints:
    """Servers that stand in for each other, looking to a stub like one channel.

    Calls go to one of them, until :meth:`turn` passes to the next because it did not answer.
    """

    def __init__(self, channels: Sequence[grpc.aio.Channel], metadata: Metadata = (), tls: "Tls | None" = None) -> None:
        self._channels = channels
        self._metadata = metadata
        self._tls = tls
        self._look_again = monotonic() + _LOOK_AGAIN_SECONDS
        self._at = 0

    def __len__(self) -> int:
        return len(self._channels)

    @property
    def channel(self) -> grpc.aio.Channel:
        """Itself, for a stub: all that a stub asks of a channel is below."""
        return cast("grpc.aio.Channel", self)

    def turn(self) -> None:
        """The next call goes to the next server."""
        self._at = (self._at + 1) % len(self._channels)

    def unary_unary(self, *described: Any, **more: Any) -> Any:
        """A method of a stub."""
        return self._calling([channel.unary_unary(*described, **more) for channel in self._channels])

    def unary_stream(self, *described: Any, **more: Any) -> Any:
        """A method of a stub."""
        return self._calling([channel.unary_stream(*described, **more) for channel in self._channels])

    def stream_unary(self, *described: Any, **more: Any) -> Any:
        """A method of a stub."""
        return self._calling([channel.stream_unary(*described, **more) for channel in self._channels])

    def stream_stream(self, *described: Any, **more: Any) -> Any:
        """A method of a stub."""
        return self._calling([channel.stream_stream(*described, **more) for channel in self._channels])

    def _calling(self, methods: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
        def call(*request: Any, **options: Any) -> Any:
            if self._tls is not None:
                self._take_over_new_certificates(self._tls)
            metadata = (*self._metadata, *(outgoing_metadata() or ()))
            return methods[self._at](*request, metadata=metadata or None, **options)

        return call

    def _take_over_new_certificates(self, tls: "Tls") -> None:
        if (now := monotonic()) >= self._look_again:
            self._look_again = now + _LOOK_AGAIN_SECONDS
            tls.reload()


@asynccontextmanager
async def open_endpoints(target: Target, credentials: Credentials, room: str = "pager") -> AsyncIterator[Endpoints]:
    """The servers of ``room`` at ``target``, host:port or several of them; connected to when they are first called.

    Raises:
        ValueError: there is no target, or a certificate cannot be used.
    """
    targets = [target] if isinstance(target, str) else list(target)
    if not targets:
        raise ValueError("no target: there must be at least one host:port")
    async with AsyncExitStack() as stack:
        tls = _tls(credentials.tls)
        channels = [await stack.enter_async_context(open_channel(one, tls=tls, room=room)) for one in targets]
        yield Endpoints(channels, credentials.metadata, tls)


def _tls(files: TlsFiles | None) -> "Tls | None":
    if files is None:
        return None
    from pager_grpc.runtime.tls import Tls  # noqa: PLC0415 - in plaintext nobody waits for cryptography

    return Tls(files)
