"""A scripted pager in this process, and clients of it."""

import pytest
import pytest_asyncio
from cli.conftest import serving
from cli.scripted_servers import ScriptedPager

from pager_grpc.client import PagerClient
from pager_grpc.gen.pager.v1.pager_service_pb2_grpc import add_PagerServiceServicer_to_server


@pytest.fixture
def pager():
    return ScriptedPager()


@pytest_asyncio.fixture
async def address(pager):
    async with serving(add_PagerServiceServicer_to_server, pager) as address:
        yield address


@pytest_asyncio.fixture
async def client(address):
    async with PagerClient(address, timeout=20) as client:
        yield client
