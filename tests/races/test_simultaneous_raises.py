"""Fault row 47: two hundred callers raise one service at once, fifty times, on every replica there is."""

import asyncio
from collections import Counter, defaultdict

import grpc
import pytest
from races.dice import seeded_dice
from races.replicas import running_replicas
from structlog.testing import capture_logs

from pager_domain.pager.audit import violations
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.runtime.errors import fault_of

ROUNDS = {"sqlite": 50, "postgresql": 50, "serializable": 10}
PATIENCE = 60
NO_ID, OWN_ID, SHARED_ID, DISPUTED_ID = 80, 60, 10, 5
REPEATS = 5
COUNTED = NO_ID + OWN_ID + SHARED_ID + DISPUTED_ID
LINES = COUNTED + 3
"""Of a timeline: each alert, one level, the ends of two pages."""


def the_calls(service):
    """200 raises; a shared id is used five times for the same alert, a disputed one for two different alerts."""
    ids = [("", "it burns")] * NO_ID
    ids += [(f"own-{n}", "it burns") for n in range(OWN_ID)]
    ids += [(f"shared-{n}", "it burns") for n in range(SHARED_ID)] * REPEATS
    ids += [(f"disputed-{n}", message) for n in range(DISPUTED_ID) for message in ("it burns", "it smokes")]
    assert len(ids) == 200
    # Equal ones that come together would share a line of the timeline: here each has its own.
    return [
        pb.RaiseAlertRequest(monitored_service_id=service, message=f"{text} {id_ or number}", request_id=id_)
        for number, (id_, text) in enumerate(ids)
    ]


class Watcher:
    """Collects every event from now on."""

    def __init__(self, stub):
        self.stream, self.events = stub.WatchIncidents(pb.WatchIncidentsRequest()), []

    async def ready(self):
        """The first response is a token: whatever is committed from here on will be seen."""
        assert not (await self.stream.read()).HasField("incident_event")

    async def until(self, number):
        """Returns when so many events have been seen."""
        async with asyncio.timeout(PATIENCE):
            while len(self.events) < number:
                response = await self.stream.read()
                if response.HasField("incident_event"):
                    self.events.append(response.incident_event)
        self.stream.cancel()


async def raised(stub, request):
    try:
        return request.request_id, await stub.RaiseAlert(request, timeout=PATIENCE)
    except grpc.aio.AioRpcError as refusal:
        return request.request_id, fault_of(refusal)


def judge(results):
    """One incident, opened by one request, and every alert counted once. Returns the incident."""
    answers, refused = defaultdict(list), []
    for number, (request_id, result) in enumerate(results):
        if isinstance(result, pb.RaiseAlertResponse):
            answers[request_id or number].append((result.incident.incident_id, result.opened, result.alert_count))
        else:
            assert (result.code, result.reason) == (
                grpc.StatusCode.FAILED_PRECONDITION,
                "ERROR_REASON_REQUEST_ID_REUSED",
            ), result
            refused.append(request_id)
    assert sorted(refused) == [f"disputed-{n}" for n in range(DISPUTED_ID)]
    assert all(len(set(repeats)) == 1 for repeats in answers.values())
    firsts = [repeats[0] for repeats in answers.values()]
    assert sorted(count for _, _, count in firsts) == list(range(1, COUNTED + 1))
    assert [count for _, opened, count in firsts if opened] == [1]
    [incident] = {incident for incident, _, _ in firsts}
    return incident


@pytest.mark.timeout(300)
async def test_200_raises_at_once_are_one_incident_and_one_page_a_target(database_url, tmp_path, request):
    rounds = ROUNDS[request.node.callspec.params["database_url"]]
    async with running_replicas(database_url, tmp_path) as pager:
        watcher, incidents = Watcher(pager.stubs[-1]), []
        await watcher.ready()
        with capture_logs() as logs, seeded_dice() as dice:
            for number in range(rounds):
                calls = the_calls(f"service-{number}")
                dice.shuffle(calls)
                results = await asyncio.gather(*(raised(dice.choice(pager.stubs), call) for call in calls))
                incidents.append((f"service-{number}", judge(results)))
            await watcher.until(rounds * LINES)
        assert pager.notifier.sent == Counter({f"person-1-{n}@example.com": rounds for n in (1, 2)})
        records = await pager.records(incidents)
    assert [str(violation) for record in records for violation in violations(record)] == []
    assert [record.incident.alert_count for record in records] == [COUNTED] * rounds
    assert all(len(record.pages) == 2 for record in records)
    assert_watched_without_a_gap(watcher.events, incidents)
    assert [log for log in logs if log["log_level"] in {"error", "critical"}] == []


def assert_watched_without_a_gap(events, incidents):
    seen = defaultdict(list)
    for event in events:
        seen[event.monitored_service_id, event.incident_id].append(event.sequence)
    assert seen == {incident: list(range(1, LINES + 1)) for incident in incidents}
