import pytest
from adapters.policy.schedules import Policy
from canaries.watching import watched

from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as pb_grpc
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate


@pytest.fixture
async def database(database_url):
    """An open database with the policy room's schema, once on each engine."""
    opened = open_database(database_url)
    await migrate(opened, "policy")
    yield opened
    await opened.close()


@pytest.fixture
async def channel(database):
    """A channel to a policy room that serves over ``database``."""
    settings = PolicySettings(POLICY_LISTEN="127.0.0.1:0")
    async with running_policy(settings, database=database) as port, open_channel(f"127.0.0.1:{port}") as opened:
        yield opened


@pytest.fixture
def stub(channel):
    return pb_grpc.PolicyServiceStub(channel)


@pytest.fixture
async def policy(channel):
    made = Policy(channel)
    for name in ("ana", "ben", "cy"):
        await made.person(name, name.title())
    return made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that passed fails all the same if the room has logged somebody's address while it ran."""
    return watched(item, (yield))
