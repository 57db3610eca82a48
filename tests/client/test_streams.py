"""Many alerts, and events as they happen, across streams that break."""

import asyncio

import grpc
import pytest
from cli.scripted_servers import ANSWERS, HANGS, Refusal, an_event

from pager_grpc.client import Alert, Connection, NotAnswered, PagerClient, Refused
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

LOST = Refusal(grpc.StatusCode.UNAVAILABLE, message="going away")


def alerts(count, message="it burns"):
    return [Alert(service=f"s{n}", message=message) for n in range(count)]


async def raised(client, what):
    return [(alert.service, result.incident_id) async for alert, result in client.raise_alerts(what)]


async def test_results_come_in_the_order_of_the_alerts_and_what_waits_goes_together(client, pager):
    pager.streams = [[ANSWERS] * 100]
    assert await raised(client, alerts(2500)) == [(f"s{n}", f"s{n}") for n in range(2500)]
    sizes = [len(request.alerts) for request in pager.script.requests["RaiseAlerts"]]
    assert sum(sizes) == 2500
    assert max(sizes) <= 1000
    assert len(sizes) < 10


async def test_a_message_is_never_larger_than_the_pager_takes(client, pager):
    pager.streams = [[ANSWERS] * 100]
    await raised(client, alerts(40, message="x" * 1000))
    assert len(await raised(client, [])) == 0
    big = pager.script.requests["RaiseAlerts"]
    assert all(request.ByteSize() <= 64 * 1024 for request in big)
    pager.streams = [[ANSWERS] * 100]
    huge = [Alert(service=f"s{n}", message="x", details="y" * 16_000) for n in range(10)]
    assert len(await raised(client, huge)) == 10
    assert all(request.ByteSize() <= 64 * 1024 for request in pager.script.requests["RaiseAlerts"])


@pytest.mark.parametrize("loss", [LOST, Refusal(grpc.StatusCode.CANCELLED), "polite"], ids=["lost", "cancelled", "end"])
async def test_what_was_not_answered_is_sent_again_under_the_same_ids(client, pager, loss):
    first = [ANSWERS] if loss == "polite" else [ANSWERS, loss]
    pager.streams = [first, [ANSWERS] * 10]
    sent = alerts(2)

    async def one_by_one():
        for alert in sent:
            yield alert
            await seen.get()

    seen = asyncio.Queue()
    results = []
    async for alert, result in client.raise_alerts(one_by_one()):
        results.append((alert.request_id, result.incident_id))
        seen.put_nowait(None)
    assert results == [(sent[0].request_id, "s0"), (sent[1].request_id, "s1")]
    asked = [alert.request_id for request in pager.script.requests["RaiseAlerts"] for alert in request.alerts]
    assert asked[0] == sent[0].request_id
    assert set(asked[1:]) == {sent[1].request_id}


async def test_alerts_above_the_rate_are_raised_when_there_is_room_and_keep_their_places(client, pager):
    pager.streams = [[2, 1, ANSWERS]]
    assert await raised(client, alerts(4)) == [(f"s{n}", f"s{n}") for n in range(4)]
    asked = [[a.monitored_service_id for a in request.alerts] for request in pager.script.requests["RaiseAlerts"]]
    assert asked == [["s0", "s1", "s2", "s3"], ["s2", "s3"], ["s3"]]


async def test_alerts_for_which_there_is_never_room_say_so_when_the_time_is_over(address, pager):
    pager.streams = [[0] * 100]
    async with PagerClient(address, timeout=0.5) as client:
        results = [result async for _, result in client.raise_alerts(alerts(2))]
    assert all(result.HasField("retry_after") for result in results)


async def test_a_stream_that_is_refused_is_not_tried_again(client, pager):
    pager.streams = [[Refusal(grpc.StatusCode.PERMISSION_DENIED)]]
    with pytest.raises(Refused):
        await raised(client, alerts(3))
    assert len(pager.script.requests["RaiseAlerts"]) == 1


async def test_a_message_without_an_answer_in_time_names_its_first_alert(address, pager):
    pager.streams = [[HANGS]]
    sent = alerts(3)
    async with PagerClient(address, timeout=0.5) as client:
        with pytest.raises(NotAnswered) as unknown:
            await raised(client, sent)
    assert unknown.value.request_id == sent[0].request_id


async def test_a_source_that_fails_loses_nothing_that_came_before(client, pager):
    pager.streams = [[ANSWERS] * 10]

    def failing():
        yield from alerts(3)
        raise LookupError("no more")

    seen = []

    async def read():
        async for alert, _ in client.raise_alerts(failing()):
            seen.append(alert.service)

    with pytest.raises(LookupError, match="no more"):
        await read()
    assert seen == ["s0", "s1", "s2"]


async def test_a_source_whose_own_task_was_cancelled_ends_so_after_what_came_before(client, pager):
    pager.streams = [[ANSWERS] * 10]
    inner = asyncio.ensure_future(asyncio.Event().wait())

    async def cancelled():
        for alert in alerts(3):
            yield alert
        inner.cancel()
        await inner

    seen = []

    async def read():
        async for alert, _ in client.raise_alerts(cancelled()):
            seen.append(alert.service)

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(read(), 10)
    assert seen == ["s0", "s1", "s2"]


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("service", {"service": "shop\ud800"}),
        ("message", {"message": "\udfff"}),
        ("details", {"details": "\ud800"}),
        ("dedup_key", {"dedup_key": "\ud800"}),
        ("request_id", {"request_id": "\ud800"}),
        ("links[1].url", {"links": ["https://example.com", "https://\ud800"]}),
    ],
)
async def test_an_alert_that_has_no_utf_8_is_refused_alone_and_by_its_field(client, pager, field, text):
    pager.streams = [[ANSWERS] * 10]
    bad = Alert(**{"service": "bad", "message": "it burns"} | text)
    results = [result async for _, result in client.raise_alerts([*alerts(2), bad, *alerts(1)])]
    assert [result.incident_id for result in results] == ["s0", "s1", "", "s0"]
    assert [result.error_reason for result in results] == [0, 0, pb.ERROR_REASON_INVALID_FIELD, 0]
    named = "monitored_service_id" if field == "service" else field
    assert results[2].error_message == f"{named}: must be text that can be written as UTF-8"


async def test_alerts_of_which_none_can_be_sent_are_all_refused_without_a_call(client, pager):
    results = [result async for _, result in client.raise_alerts(alerts(3, message="\ud800"))]
    assert [result.error_reason for result in results] == [pb.ERROR_REASON_INVALID_FIELD] * 3
    assert pager.script.requests["RaiseAlerts"] == []


async def test_a_client_that_was_not_opened_says_how_it_is(address):
    with pytest.raises(RuntimeError, match="async with PagerClient"):
        await PagerClient(address).get_service("shop")


async def test_a_source_without_end_is_left_when_the_reader_leaves(client, pager):
    pager.streams = [[ANSWERS] * 10]
    left = asyncio.Event()

    async def endless():
        try:
            yield Alert(service="s", message="m")
            await asyncio.Event().wait()
        finally:
            left.set()

    results = client.raise_alerts(endless())
    await anext(results)
    await results.aclose()
    await asyncio.wait_for(left.wait(), 10)


class Heard(Connection):
    def __init__(self):
        self.news = []

    def lost(self, fault, *, reached):
        self.news.append(("lost", fault.message if fault else None, reached))

    def made(self, *, again):
        self.news.append(("made", again))


async def test_a_watch_goes_on_after_the_last_event_that_was_read(client, pager):
    def said(sequence):
        return pb.WatchIncidentsResponse(incident_event=an_event(sequence=sequence), resume_token=f"t{sequence}")

    pager.watches = [[LOST], [said(1), said(2), LOST], [said(3)], [said(4), HANGS]]
    heard, sequences = Heard(), []
    watch = client.watch("t0", connection=heard)
    async for response in watch:
        sequences.append(response.incident_event.sequence)
        if len(sequences) == 4:
            break
    await watch.aclose()
    assert sequences == [1, 2, 3, 4]
    assert pager.resume_tokens == ["t0", "t0", "t2", "t3"]
    assert heard.news == [
        ("lost", "going away", False),
        ("made", False),
        ("lost", "going away", True),
        ("made", True),
    ]  # a stream that the server ended with OK is no loss


async def test_a_watch_that_is_refused_ends(client, pager):
    pager.watches = [[Refusal(grpc.StatusCode.UNAUTHENTICATED)]]
    with pytest.raises(Refused):
        await anext(client.watch())
