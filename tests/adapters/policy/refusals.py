"""How the policy room refuses."""

from contextlib import asynccontextmanager

import grpc
import pytest

from pager_grpc.runtime.errors import fault_of

INVALID = grpc.StatusCode.INVALID_ARGUMENT


@asynccontextmanager
async def refusal(code, reason, **metadata):
    """The body's call is refused with this code, this reason and this metadata."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        yield
    fault = fault_of(refused.value)
    assert (fault.code, fault.reason) == (code, f"ERROR_REASON_{reason}")
    assert {key: fault.metadata.get(key) for key in metadata} == metadata
