"""A real pager that is killed in the middle of calls and started again: each alert counts once, no event is missed."""

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from end_to_end.world import free_port
from sealed import ADDRESS_KEY

from pager_grpc.client import Alert, PagerClient

ROOT = Path(__file__).parents[2]
# The crash points of tests/crash, around what `python -m pager_grpc.pager` runs.
PROGRAM = (
    "import sys; from crash import crash_points; crash_points.install('pager');"
    "from pager_grpc.pager.__main__ import main; sys.exit(main())"
)


class RealPager:
    """A pager process on SQLite, with nobody to page through."""

    def __init__(self, folder):
        self.address = f"127.0.0.1:{free_port()}"
        self._environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(ROOT)]),
            "PAGERD_DATA": str(folder),
            "PAGER_LISTEN": self.address,
            "PAGER_CATCH_ALL_EMAIL": "everybody@example.com",
            "PAGER_ADDRESS_KEYS": ADDRESS_KEY,
            "CRASH_MARK": str(folder / "died"),
        }
        self._process = None

    async def start(self, crash_at=""):
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM),
            env=self._environment | {"CRASH_AT": crash_at},
            stderr=asyncio.subprocess.DEVNULL,
        )

    async def died(self):
        assert await self._process.wait() == -9

    async def stop(self):
        if self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()


@pytest.fixture
async def pager(tmp_path):
    pager = RealPager(tmp_path)
    yield pager
    await pager.stop()


@asynccontextmanager
async def restarted_when_it_has_died(pager):
    async def restart():
        await pager.died()
        await pager.start()

    async with asyncio.timeout(90), asyncio.TaskGroup() as group:
        group.create_task(restart())
        yield


async def test_an_alert_whose_answer_was_lost_with_the_pager_counts_once(pager):
    await pager.start(crash_at="raise.committed:1")
    async with PagerClient(pager.address, timeout=60) as client:
        async with restarted_when_it_has_died(pager):
            raised = await client.raise_alert("checkout", "Card payments fail", severity="error")
        assert (raised.opened, raised.alert_count) == (True, 1)
        incidents = [incident async for incident in client.incidents(service="checkout")]
    assert [(incident.incident_id, incident.alert_count) for incident in incidents] == [
        (raised.incident.incident_id, 1)
    ]


async def test_a_stream_and_a_watch_go_on_with_the_pager_that_comes_after(pager):
    await pager.start(crash_at="raise.committed:3")
    services = [f"s{n}" for n in range(2500)]
    watched = []

    async def watch(client):
        async for response in client.watch():
            if not response.HasField("incident_event"):
                watching.set()
            elif response.incident_event.HasField("opened"):
                watched.append(response.incident_event.monitored_service_id)
                if len(watched) == len(services):
                    return

    watching = asyncio.Event()
    async with (
        PagerClient(pager.address, timeout=60) as client,
        restarted_when_it_has_died(pager),
        asyncio.TaskGroup() as group,
    ):
        group.create_task(watch(client))
        await watching.wait()
        alerts = [Alert(service=service, message="it burns") for service in services]
        results = [(a.service, r.opened, r.alert_count) async for a, r in client.raise_alerts(alerts)]
    assert results == [(service, True, 1) for service in services]
    assert sorted(watched) == sorted(services)
