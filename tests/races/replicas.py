"""Replicas of the pager as they run: their own databases, group commits, loops and ports over one set of tables."""

from contextlib import AsyncExitStack, asynccontextmanager

from adapters.pager.scripted_servers import ScriptedNotifier, ScriptedPolicy, serving_notifier, serving_policy
from sealed import ADDRESS_KEY, SEALING

from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc
from pager_grpc.pager.bootstrap import running_pager
from pager_grpc.pager.config import PagerSettings
from pager_grpc.pager.incident_records_sql import SqlIncidentRecords
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate


class RunningReplicas:
    """A stub of each replica, and the neighbours that they share."""

    def __init__(self, stubs, policy, notifier, records) -> None:
        self.stubs, self.policy, self.notifier, self._records = stubs, policy, notifier, records

    async def records(self, incidents):
        """Incidents (service, id) as the audit reads them."""
        return await self._records.records(incidents)


@asynccontextmanager
async def running_replicas(database_url, tmp_path, number=3):
    """``number`` replicas on PostgreSQL, on SQLite the one that there can be."""
    async with AsyncExitStack() as stack:
        policy, notifier = ScriptedPolicy(), ScriptedNotifier()
        settings = PagerSettings(
            _env_file=None,
            PAGER_LISTEN="127.0.0.1:0",
            PAGER_POLICY_TARGET=f"127.0.0.1:{await stack.enter_async_context(serving_policy(policy))}",
            PAGER_NOTIFIER_TARGET=f"127.0.0.1:{await stack.enter_async_context(serving_notifier(notifier))}",
            PAGER_CATCH_ALL_EMAIL="everybody@example.com",
            PAGER_BURST=0,  # each page is counted
            PAGER_POLICY_DEADLINE=10,  # on a busy machine nobody else is paged
            PAGERD_DATA=tmp_path,
            PAGER_ADDRESS_KEYS=ADDRESS_KEY,
        )
        stubs = []
        for replica in range(1 if database_url.startswith("sqlite") else number):
            database = open_database(database_url)
            stack.push_async_callback(database.close)
            if replica == 0:
                await migrate(database, "pager")
            port = await stack.enter_async_context(running_pager(settings, database=database))
            channel = await stack.enter_async_context(open_channel(f"127.0.0.1:{port}"))
            stubs.append(pb_grpc.PagerServiceStub(channel))
        yield RunningReplicas(stubs, policy, notifier, SqlIncidentRecords(database, SEALING))
