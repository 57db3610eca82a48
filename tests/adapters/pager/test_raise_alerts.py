"""The volume path: many alerts on one stream, answered in order, each message once it is durable."""

import asyncio

import grpc
import pytest
from adapters.pager.running import a_running_pager, lines
from structlog.testing import capture_logs

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.pager.wire import MAX_ALERTS
from pager_grpc.runtime.errors import fault_of


@pytest.fixture
async def caller(database_url, tmp_path):
    async with a_running_pager(database_url, tmp_path) as running:
        yield running


def some(*services, **more):
    alerts = [pb.RaiseAlertRequest(monitored_service_id=s, **{"message": "it burns"} | more) for s in services]
    return pb.RaiseAlertsRequest(alerts=alerts)


async def told(caller, *messages):
    """The answers of one stream."""
    return [answer async for answer in caller.stub.RaiseAlerts(iter(messages), timeout=15)]


def shown(answer):
    return [(result.opened, result.alert_count, result.error_reason) for result in answer.results]


async def test_each_message_is_answered_in_order_with_what_each_alert_did(caller):
    first, second = await told(caller, some("a", "b", "a"), some("b", "c"))
    assert shown(first) == [(True, 1, 0), (True, 1, 0), (False, 2, 0)]
    assert shown(second) == [(False, 2, 0), (True, 1, 0)]
    assert first.results[0].incident_id == first.results[2].incident_id
    assert first.results[1].incident_id == second.results[0].incident_id


async def test_the_log_has_one_line_for_what_was_opened_together(caller):
    with capture_logs() as logs:
        first, _ = await told(caller, some("a", "b", "a"), some("a", "b"))
    [line] = [line for line in logs if line["event"].startswith("incident")]
    assert (line["event"], line["incidents"]) == ("incidents_opened", 2)
    assert line["incident_ids"] == [result.incident_id for result in first.results[:2]]


async def test_the_log_names_what_was_opened_alone(caller):
    with capture_logs() as logs:
        [[result]] = [answer.results for answer in await told(caller, some("a"))]
    [line] = [line for line in logs if line["event"].startswith("incident")]
    assert (line["event"], line["monitored_service_id"]) == ("incident_opened", "a")
    assert line["incident_id"] == result.incident_id


async def test_an_answer_comes_before_the_next_message_is_sent_and_is_stored_by_then(caller):
    stream = caller.stub.RaiseAlerts(timeout=15)
    for number in range(1, 4):
        await stream.write(some("a"))
        [result] = (await stream.read()).results
        assert result.alert_count == number
        assert (await caller.incident(result.incident_id)).alert_count == number
    await stream.done_writing()
    assert await stream.read() is grpc.aio.EOF
    assert await stream.code() is grpc.StatusCode.OK


async def test_equal_alerts_that_come_together_are_one_line_and_all_are_counted(caller):
    [answer] = await told(caller, some(*["a"] * 100))
    assert [result.alert_count for result in answer.results] == list(range(1, 101))
    incident_id = answer.results[0].incident_id
    assert (await caller.incident(incident_id)).alert_count == 100
    [line] = lines(await caller.timeline(incident_id), "alert_repeated")
    assert (line.alert_count, line.repeats, line.alert.message) == (100, 99, "it burns")


async def test_alerts_that_say_something_else_keep_a_line_of_their_own(caller):
    message = some("a", "a", "a")
    message.alerts[1].message = "it smokes"
    [answer] = await told(caller, message)
    timeline = await caller.timeline(answer.results[0].incident_id)
    assert [(line.alert.message, line.alert_count, line.repeats) for line in lines(timeline, "alert_repeated")] == [
        ("it smokes", 2, 1),
        ("it burns", 3, 1),
    ]


async def test_one_that_is_refused_says_so_and_leaves_its_neighbours_alone(caller):
    message = some("a", "b", "c")
    message.alerts[1].message = ""
    message.alerts[2].request_id = "r"
    first, second = await told(caller, message, some("c", request_id="r", message="another"))
    assert shown(first) == [(True, 1, 0), (False, 0, pb.ERROR_REASON_INVALID_FIELD), (True, 1, 0)]
    assert first.results[1].error_message == "message: is required"
    assert shown(second) == [(False, 0, pb.ERROR_REASON_REQUEST_ID_REUSED)]


async def test_a_repeat_of_a_request_gets_the_first_answer_again(caller):
    [first] = await told(caller, some("a", request_id="r"))
    [again, more] = await told(caller, some("a", request_id="r"), some("a"))
    assert again == first
    assert shown(more) == [(False, 2, 0)]


@pytest.mark.parametrize("number", [0, MAX_ALERTS + 1])
async def test_a_message_with_none_or_too_many_is_refused_and_nothing_of_it_is_stored(caller, number):
    alerts = [pb.RaiseAlertRequest(monitored_service_id="a", message="m")] * number
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await told(caller, some("b"), pb.RaiseAlertsRequest(alerts=alerts))
    fault = fault_of(refusal.value)
    assert (fault.code, fault.metadata["field"]) == (grpc.StatusCode.INVALID_ARGUMENT, "alerts")
    assert [service.monitored_service_id for service in await caller.services()] == ["b"]


async def test_a_stream_and_single_calls_count_together(caller):
    async def calls():
        return [(await caller.alert("a", message="it burns")).alert_count for _ in range(20)]

    streamed, called = await asyncio.gather(told(caller, *[some("a", "a")] * 20), calls())
    counts = [result.alert_count for answer in streamed for result in answer.results] + called
    assert sorted(counts) == list(range(1, 61))


async def test_messages_that_do_not_wait_for_answers_share_commits_and_each_gets_its_own(caller):
    answers = await told(caller, *[some("a")] * 20)
    assert [shown(answer) for answer in answers] == [[(number == 1, number, 0)] for number in range(1, 21)]
    timeline = lines(await caller.timeline(answers[0].results[0].incident_id), "alert_repeated")
    assert sum(line.repeats for line in timeline) == 19
    assert len(timeline) < 19  # equal repeats of one commit are one line


async def test_what_was_read_ahead_of_a_refused_message_is_answered_and_what_follows_is_not_stored(caller):
    stream = caller.stub.RaiseAlerts(timeout=15)
    for message in (some("a"), some("b"), pb.RaiseAlertsRequest(), some("c")):
        await stream.write(message)
    await stream.done_writing()
    assert [shown(await stream.read()) for _ in range(2)] == [[(True, 1, 0)]] * 2
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await stream.read()
    assert fault_of(refusal.value).code is grpc.StatusCode.INVALID_ARGUMENT


async def test_what_the_largest_alerts_have_left_is_read_in_pages_that_clients_take(caller):
    """300 lines of 16 KiB are more than the 4 MiB that gRPC takes unless told otherwise."""
    largest = [some(*["a"] * 4, details="x" * 15_000 + f"{number:05}") for number in range(75)]
    for message in largest:
        for number, alert in enumerate(message.alerts):
            alert.message = f"no. {number}"  # no two are equal
    answers = await told(caller, *largest, *[some(f"b{number}", details="x" * 16_000) for number in range(300)])
    timeline = await caller.timeline(answers[0].results[0].incident_id)
    assert len(lines(timeline, "opened")) + len(lines(timeline, "alert_repeated")) == 300
    found, token = [], ""
    while True:
        page = await caller.stub.ListIncidents(pb.ListIncidentsRequest(page_size=1000, page_token=token))
        found += [incident.incident_id for incident in page.incidents]
        if not (token := page.next_page_token):
            break
    assert len(found) == len(set(found)) == 301
