"""One call: its request, its repeats, its end."""

import socket
import uuid
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from cli.scripted_servers import HANGS, Refusal, an_incident

from pager_grpc.client import NotAnswered, PagerClient, Refused
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.runtime.errors import INTERNAL_TEXT

UNAVAILABLE = Refusal(grpc.StatusCode.UNAVAILABLE)
BUSY = grpc.StatusCode.RESOURCE_EXHAUSTED
REPEATED = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
OTHERS = sorted({*grpc.StatusCode} - REPEATED - {grpc.StatusCode.OK}, key=lambda code: code.name)
RAISED = pb.RaiseAlertResponse(incident=an_incident(), opened=True, alert_count=1)


def nobody_listens():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


async def test_an_alert_is_raised_with_all_that_was_said(client, pager):
    pager.script.answers("RaiseAlert", RAISED)
    moment = datetime(2026, 3, 1, 2, 12, 4, tzinfo=UTC)
    raised = await client.raise_alert(
        *("checkout", "Card payments fail"),
        severity="warning",
        details="all cards",
        links=["https://a.example"],
        dedup_key="cards",
        occur_time=moment,
        request_id="r1",
    )
    assert (raised.incident.incident_id, raised.opened) == ("inc-1", True)
    request = pb.RaiseAlertRequest(
        monitored_service_id="checkout",
        message="Card payments fail",
        severity=pb.Incident.SEVERITY_WARNING,
        details="all cards",
        links=[pb.Link(url="https://a.example")],
        dedup_key="cards",
        request_id="r1",
    )
    request.occur_time.FromDatetime(moment)
    assert pager.script.requests["RaiseAlert"] == [request]


async def test_a_call_is_repeated_under_one_request_id_until_it_is_answered(client, pager):
    undecided = [Refusal(code) for code in REPEATED]
    pager.script.answers("RaiseAlert", *undecided, RAISED)
    assert (await client.raise_alert("checkout", "Card payments fail")).opened
    ids = [request.request_id for request in pager.script.requests["RaiseAlert"]]
    assert len(ids) == 4
    assert len({*ids}) == 1
    assert uuid.UUID(ids[0]).version == 4


async def test_two_calls_have_two_request_ids(client, pager):
    pager.script.answers("MarkHealthy", pb.MarkHealthyResponse())
    await client.mark_healthy("checkout")
    await client.mark_healthy("checkout")
    first, second = (request.request_id for request in pager.script.requests["MarkHealthy"])
    assert first
    assert first != second


@pytest.mark.parametrize("code", OTHERS, ids=lambda code: code.name)
async def test_no_other_code_is_repeated(client, pager, code):
    pager.script.answers("RaiseAlert", Refusal(code, "ERROR_REASON_X", {"field": "message"}, "no such luck"))
    with pytest.raises((Refused, NotAnswered)) as ended:
        await client.raise_alert("checkout", "Card payments fail", request_id="r1")
    assert len(pager.script.requests["RaiseAlert"]) == 1
    error = ended.value
    assert (error.code, error.reason, error.metadata) == (code, "ERROR_REASON_X", {"field": "message"})
    assert error.request_id == "r1"
    assert str(error) == f"{code.name}: no such luck"


async def test_a_connection_that_was_cut_in_the_middle_is_undecided_and_a_bug_is_not(client, pager):
    cut, bug = (Refusal(grpc.StatusCode.INTERNAL, message=text) for text in ("RST_STREAM", INTERNAL_TEXT))
    pager.script.answers("RaiseAlert", cut, RAISED)
    assert (await client.raise_alert("checkout", "Card payments fail")).opened
    pager.script.answers("RaiseAlert", bug, RAISED)
    with pytest.raises(NotAnswered):
        await client.raise_alert("checkout", "Card payments fail")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, Refused),
        (grpc.StatusCode.FAILED_PRECONDITION, Refused),
        (grpc.StatusCode.UNAUTHENTICATED, Refused),
        (grpc.StatusCode.PERMISSION_DENIED, Refused),
        (grpc.StatusCode.UNKNOWN, NotAnswered),
    ],
)
async def test_an_error_says_whether_it_may_have_been_done(client, pager, code, kind):
    pager.script.answers("Acknowledge", Refusal(code))
    with pytest.raises(kind):
        await client.acknowledge("checkout", by="ana")


async def test_a_busy_server_is_asked_again_when_it_said_so(client, pager):
    pager.script.answers("RaiseAlert", Refusal(BUSY, retry_after=timedelta(milliseconds=50)), RAISED)
    assert (await client.raise_alert("checkout", "Card payments fail")).opened
    first, second = pager.script.requests["RaiseAlert"]
    assert first.request_id == second.request_id


async def test_a_busy_server_that_wants_more_time_than_there_is_has_refused(address, pager):
    pager.script.answers("RaiseAlert", Refusal(BUSY, retry_after=timedelta(seconds=90)))
    async with PagerClient(address, timeout=5) as client:
        with pytest.raises(Refused) as refused:
            await client.raise_alert("checkout", "Card payments fail")
    assert refused.value.retry_after == timedelta(seconds=90)
    assert len(pager.script.requests["RaiseAlert"]) == 1


async def test_when_the_time_is_over_the_error_names_the_id_to_go_on_with(address, pager):
    pager.script.answers("RaiseAlert", UNAVAILABLE)
    async with PagerClient(address, timeout=0.3) as client:
        with pytest.raises(NotAnswered) as unknown:
            await client.raise_alert("checkout", "Card payments fail")
    tried = {request.request_id for request in pager.script.requests["RaiseAlert"]}
    assert {unknown.value.request_id} == tried


async def test_a_server_that_hangs_leaves_time_for_another_attempt(address, pager):
    pager.script.answers("RaiseAlert", HANGS, RAISED)
    async with PagerClient(address, timeout=3) as client:
        assert (await client.raise_alert("checkout", "Card payments fail")).opened


async def test_one_call_may_be_given_more_time_than_the_others(address, pager):
    pager.script.answers("RaiseAlert", UNAVAILABLE, UNAVAILABLE, RAISED)
    async with PagerClient(address, timeout=0.001) as client:
        assert (await client.raise_alert("checkout", "Card payments fail", within=20)).opened


async def test_another_endpoint_is_asked_when_one_does_not_answer(address, pager):
    pager.script.answers("RaiseAlert", RAISED)
    pager.script.answers("GetIncident", pb.GetIncidentResponse(incident=an_incident()))
    async with PagerClient([nobody_listens(), nobody_listens(), address], timeout=20) as client:
        assert (await client.raise_alert("checkout", "Card payments fail")).opened
    async with PagerClient([nobody_listens(), nobody_listens(), address], timeout=20) as client:
        assert (await client.get_incident("inc-1")).incident_id == "inc-1"


async def test_the_endpoint_that_answered_is_asked_first_the_next_time(address, pager):
    pager.script.answers("RaiseAlert", RAISED)
    waited = []
    async with PagerClient([nobody_listens(), address], timeout=20, waits=lambda: waited.append(1)) as client:
        for _ in range(3):
            await client.raise_alert("checkout", "Card payments fail")
    assert waited == [1]


async def test_the_api_key_goes_with_each_call_and_is_never_shown(address, pager):
    pager.script.answers("MarkHealthy", UNAVAILABLE, pb.MarkHealthyResponse())
    async with PagerClient(address, api_key="pgr_1_secret") as client:
        await client.mark_healthy("checkout")
        assert "secret" not in repr(vars(client))
    assert [metadata["authorization"] for metadata in pager.script.metadata] == ["Bearer pgr_1_secret"] * 2


async def test_without_a_key_nothing_is_sent(client, pager):
    pager.script.answers("MarkHealthy", pb.MarkHealthyResponse())
    await client.mark_healthy("checkout")
    assert "authorization" not in pager.script.metadata[0]


async def test_a_list_is_read_to_its_end_page_by_page(client, pager):
    pager.script.answers(
        "ListIncidents",
        pb.ListIncidentsResponse(incidents=[an_incident("inc-2")], next_page_token="t"),
        UNAVAILABLE,
        pb.ListIncidentsResponse(incidents=[an_incident("inc-1")]),
    )
    found = [incident.incident_id async for incident in client.incidents(service="payments", states=["open"])]
    assert found == ["inc-2", "inc-1"]
    first, second, _ = pager.script.requests["ListIncidents"]
    assert (first.monitored_service_id, [*first.states]) == ("payments", [pb.Incident.STATE_OPEN])
    assert (first.page_token, second.page_token) == ("", "t")


async def test_what_a_person_does_by_hand_is_said_as_it_was_meant(client, pager):
    for method, answer in (
        ("SnoozeIncident", pb.SnoozeIncidentResponse()),
        ("EscalateIncident", pb.EscalateIncidentResponse()),
        ("ReassignIncident", pb.ReassignIncidentResponse()),
    ):
        pager.script.answers(method, answer)
    await client.snooze("checkout", timedelta(minutes=45), by="ana", note="asleep")
    await client.snooze("checkout", datetime(2026, 3, 1, tzinfo=UTC), by="ana")
    await client.escalate("checkout", by="ana")
    await client.reassign("checkout", pb.Assignee(person_id="ben"), by="ana")
    snoozed, until = pager.script.requests["SnoozeIncident"]
    assert (snoozed.duration.ToTimedelta(), snoozed.note) == (timedelta(minutes=45), "asleep")
    assert until.until_time.ToJsonString() == "2026-03-01T00:00:00Z"
    assert pager.script.requests["EscalateIncident"][0].escalated_by == "ana"
    assert pager.script.requests["ReassignIncident"][0].assigned_to.person_id == "ben"


async def test_nonsense_is_refused_before_anybody_is_called(client):
    with pytest.raises(ValueError, match="severity must be one of critical, error, warning, info"):
        await client.raise_alert("checkout", "Card payments fail", severity="awful")
    with pytest.raises(ValueError, match="occur_time must have a time zone"):
        await client.raise_alert("checkout", "Card payments fail", occur_time=datetime(2026, 3, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="state must be one of open, acknowledged, resolved"):
        client.incidents(states=["closed"])
    with pytest.raises(ValueError, match="timeout must be more than 0"):
        PagerClient("127.0.0.1:1", timeout=0)
    with pytest.raises(ValueError, match="at least one host:port"):
        await PagerClient([]).__aenter__()


async def test_a_call_that_found_no_connection_was_not_sent():
    async with PagerClient(nobody_listens(), timeout=1) as client:
        with pytest.raises(NotAnswered) as failed:
            await client.mark_healthy("checkout")
    assert not failed.value.sent


async def test_a_call_of_which_one_attempt_reached_a_server_may_have_had_its_effect(address, pager):
    pager.script.answers("MarkHealthy", UNAVAILABLE)
    async with PagerClient([address, nobody_listens()], timeout=1) as client:
        with pytest.raises(NotAnswered) as failed:
            await client.mark_healthy("checkout")
    assert failed.value.sent
