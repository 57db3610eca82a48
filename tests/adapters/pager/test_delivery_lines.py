"""What the log says of pages: always which page and whose incident, traced or not, and nobody's address."""

from contextlib import asynccontextmanager
from dataclasses import replace

from builders import an_application, raising
from fakes.pager import FakePager
from fakes.senders import FakeSenders
from fakes.tracing import A_CALLER, A_TRACE, FakeTracing
from structlog.testing import capture_logs

from pager_domain.errors import StoreUnavailable
from pager_domain.pager.ports.email_sender import NotNow
from pager_domain.pager.storm import Pace
from pager_grpc.pager.delivery_loop import DeliveryLoop
from pager_grpc.pager.monitored_services_logged import LoggedMonitoredServices
from pager_grpc.pager.monitored_services_traced import TracedMonitoredServices
from pager_grpc.runtime import lines_together
from pager_grpc.runtime.group_commit import GroupCommit
from pager_grpc.runtime.log_context import add_ids
from pager_grpc.runtime.supervision import Doorbell, running


class Delivering:
    """A pager over fakes, and the lines that it wrote."""

    def __init__(self, pace=None) -> None:
        self.pager = FakePager()
        self.senders = FakeSenders()
        self.tracing = FakeTracing()
        self.outbox = self.pager.outbox_with(pace)
        store = TracedMonitoredServices(LoggedMonitoredServices(self.pager.store), self.tracing)
        self.application = an_application(store, self.outbox, senders=self.senders)
        self.fault = None
        self.lines = []

    def named(self, event):
        return [line for line in self.lines if line["event"] == event]

    async def deliver(self):
        """Until every page that was owed has been tried once."""

        async def record(results):
            if self.fault is not None:
                raise self.fault
            await self.application.record(results)
            return [True] * len(results)

        recorder = GroupCommit(record, 100)
        loop = DeliveryLoop(self.application, self.outbox, recorder, Doorbell(), self.tracing)
        async with running(recorder.run()):
            await loop.step()
            await loop.drain()


@asynccontextmanager
async def delivering(pace=None):
    with capture_logs(processors=[add_ids]) as lines:
        delivering = Delivering(pace)
        delivering.lines = lines
        yield delivering


async def test_a_level_and_its_pages_are_told_under_the_id_of_the_incident():
    async with delivering() as told:
        await told.application.handle([raising()])
        await told.application.escalate_due(10)
        await told.deliver()
    [level] = told.named("level_notified")
    assert (level["incident_id"], level["escalation_level"], level["pages"]) == ("incident-1", 1, 2)
    [settled] = told.named("pages_settled")
    assert (settled["outcome"], settled["pages"]) == ("handed_off", 2)
    assert settled["monitored_service_ids"] == ["checkout"] * 2
    assert {page.startswith("incident-1-1-1-") for page in settled["notification_ids"]} == {True}
    assert sorted(settled["target_ids"]) == ["person-1-1", "person-1-2"]
    assert "@" not in str(told.lines)
    assert told.tracing.spans == [], "nobody traced this"


async def test_a_page_that_ends_alone_has_a_line_of_its_own():
    async with delivering() as told:
        told.senders.answers = [NotNow("busy")]
        await told.application.handle([raising()])
        await told.application.escalate_due(10)
        await told.deliver()
    [settled], [postponed] = told.named("page_settled"), told.named("page_postponed")
    assert (settled["incident_id"], settled["monitored_service_id"]) == ("incident-1", "checkout")
    assert {settled["notification_id"], postponed["notification_id"]} == told.pager.store.state.pages.keys()


async def test_levels_that_fire_together_share_a_line_that_names_their_incidents():
    async with delivering() as told:
        await told.application.handle([raising(service) for service in "abc"])
        await told.application.escalate_due(10)
    [levels] = told.named("levels_notified")
    assert (levels["escalation_level"], levels["pages"]) == (1, 6)
    assert levels["incident_ids"] == ["incident-1", "incident-2", "incident-3"]
    assert levels["monitored_service_ids"] == ["a", "b", "c"]


async def test_a_line_names_only_so_many(monkeypatch):
    monkeypatch.setattr(lines_together, "MOST_IN_A_LINE", 2)
    async with delivering() as told:
        await told.application.handle([raising(service) for service in "abc"])
        await told.application.escalate_due(10)
        await told.deliver()
    assert [line["monitored_service_ids"] for line in told.named("levels_notified")] == [["a", "b"]]
    assert [line["monitored_service_id"] for line in told.named("level_notified")] == ["c"]
    assert [len(line["notification_ids"]) for line in told.named("pages_settled")] == [2, 2, 2]


async def test_pages_in_a_trace_have_lines_of_their_own_there():
    async with delivering() as told:
        await told.application.handle([replace(raising(), traceparent=A_CALLER)])
        await told.application.escalate_due(10)
        await told.deliver()
    settled = told.named("page_settled")
    assert {(line["trace_id"], line["incident_id"]) for line in settled} == {(A_TRACE, "incident-1")}
    assert len({line["span_id"] for line in settled}) == len(settled) == 2


async def test_a_page_that_is_put_off_is_told_in_the_span_of_the_attempt():
    async with delivering() as told:
        told.senders.answers = [NotNow("busy")] * 2
        await told.application.handle([replace(raising(), traceparent=A_CALLER)])
        await told.application.escalate_due(10)
        await told.deliver()
    attempts = {span.traceparent.split("-")[2] for span in told.tracing.named("deliver page")}
    postponed = told.named("page_postponed")
    assert {line["span_id"] for line in postponed} == attempts
    assert {(line["trace_id"], line["incident_id"]) for line in postponed} == {(A_TRACE, "incident-1")}


async def test_an_end_that_could_not_be_recorded_is_told_with_its_page():
    async with delivering() as told:
        await told.application.handle([raising()])
        await told.application.escalate_due(10)
        told.fault = StoreUnavailable()
        await told.deliver()
    assert {line["incident_id"] for line in told.named("page_not_recorded")} == {"incident-1"}


async def test_a_bundle_names_all_its_incidents():
    async with delivering(Pace(1)) as told:
        await told.application.handle([raising(service) for service in "abc"])
        await told.application.escalate_due(10)
        await told.deliver()
        await told.pager.advance(60)
        await told.deliver()
    bundles = [line for line in told.named("page_settled") if line["notification_id"].startswith("bundle-")]
    assert [line["incident_ids"] for line in bundles] == [["incident-1", "incident-2", "incident-3"]] * 2
