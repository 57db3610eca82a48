"""Around every call: who is it, may it, and from then on that is who acts."""

# grpc's classes are generic for the type checker only; annotations must not be evaluated.
from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import structlog
from google.protobuf.message import Message

from pager_domain.access.principal import Principal
from pager_domain.access.rules import require_granted
from pager_domain.errors import NotAllowed
from pager_grpc.access.callers import Callers
from pager_grpc.access.known_keys import FRESH_SECONDS
from pager_grpc.access.principal import act_as
from pager_grpc.access.table import AccessTable
from pager_grpc.runtime.rpc_boundary import Context, RpcLayer, StreamCall, UnaryCall


class AccessLayer(RpcLayer):
    """Asks ``callers`` who calls and ``table`` what that is allowed. A method that is in no row is refused to all.

    A stream is asked for again after ``look_again`` seconds: it ends when its key or token does.
    """

    def __init__(self, callers: Callers, table: AccessTable, look_again: float = FRESH_SECONDS) -> None:
        self._callers = callers
        self._table = table
        self._look_again = look_again

    def unary(self, method: str, call: UnaryCall) -> UnaryCall:
        """``call``, for those who may."""

        async def admitted(request: Any, context: Context) -> Any:
            await self._admit(method, request, context)
            return await call(request, context)

        return admitted

    def stream(self, method: str, call: StreamCall) -> StreamCall:
        """``call``, for those who may and as long as they count."""

        async def admitted(request: Any, context: Context) -> AsyncIterator[Any]:
            principal = await self._admit(method, request, context)
            async with aclosing(call(request, context)) as responses:  # type: ignore[type-var]  # a generator
                if principal.key_id or principal.expires_at is not None:
                    async with aclosing(self._while_known(principal, responses)) as known:
                        async for response in known:
                            yield response
                    return
                async for response in responses:
                    yield response

        return admitted

    async def _admit(self, method: str, request: Any, context: Context) -> Principal:
        principal = await self._callers.caller_of(context)
        structlog.contextvars.bind_contextvars(principal=principal.name)
        row = self._table.get(method)
        if row is None:
            raise NotAllowed(principal.name, "call this method: no rule grants it")
        if isinstance(request, Message):
            row.admit(principal, request)
        else:  # a stream of requests; its servicer looks at each
            require_granted(principal, row.rule)
        act_as(principal)
        return principal

    async def _while_known(self, principal: Principal, responses: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
        now = asyncio.get_running_loop().time
        looked_at = now()
        while True:
            step = asyncio.ensure_future(anext(responses, None))
            try:
                while not step.done():
                    left = looked_at + self._look_again - now()
                    if left <= 0:
                        await self._callers.require_still(principal)
                        looked_at, left = now(), self._look_again
                    await asyncio.wait([step], timeout=left)
            finally:
                if not step.done():
                    step.cancel()
                    await asyncio.wait([step])
            response = step.result()
            if response is None:
                return
            yield response
