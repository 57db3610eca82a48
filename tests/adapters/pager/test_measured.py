"""What counts stands between the use cases and the store: it changes nothing, and counts what is durable only."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import (
    CHECKOUT,
    a_level,
    a_level_of,
    a_person,
    a_policy,
    acknowledging,
    an_application,
    current,
    healing,
    raising,
)
from contracts.monitored_services import MonitoredServicesContract
from contracts.notification_outbox import NotificationOutboxContract
from fakes.escalation_policies import FakeEscalationPolicies
from fakes.notification_outbox import FakeNotificationOutbox
from fakes.pager import FakePager
from prometheus_client import CollectorRegistry

from pager_domain.errors import StoreUnavailable
from pager_domain.pager.delivery import result_of
from pager_domain.pager.events import Timeout
from pager_domain.pager.ports.email_sender import HandedOff, NotNow, Refused
from pager_domain.pager.service import PagerService
from pager_domain.pager.storm import Pace
from pager_grpc.pager.metrics import EscalationMetrics, PageMetrics
from pager_grpc.pager.metrics_alerts import OUTCOMES as ALERTS
from pager_grpc.pager.metrics_alerts import AlertMetrics
from pager_grpc.pager.metrics_backlog import BacklogLoop, BacklogMetrics
from pager_grpc.pager.monitored_services_prometheus import MeasuredMonitoredServices, StoreMetrics
from pager_grpc.pager.notification_outbox_prometheus import MeasuredNotificationOutbox


class MeasuredPager(FakePager):
    """The fakes, measured; what loops wait for is told by the same clock."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = CollectorRegistry()
        self.pages = pages = PageMetrics(self.registry, self._seconds)
        levels = EscalationMetrics(self.registry, self._seconds)
        self.fake = self.store
        self.store = MeasuredMonitoredServices(self.fake, StoreMetrics(AlertMetrics(self.registry), levels, pages))
        self.outbox = MeasuredNotificationOutbox(self.outbox, pages)
        self.application = an_application(self.store, self.outbox)

    def value(self, name, **labels):
        return self.registry.get_sample_value(name, labels)

    def _seconds(self):
        return self.clock.now().timestamp()


@pytest.fixture
async def pager():
    return MeasuredPager()


class TestMeasuredMonitoredServices(MonitoredServicesContract):
    @pytest.fixture
    async def pager(self):
        return MeasuredPager()


class TestMeasuredNotificationOutbox(NotificationOutboxContract):
    @pytest.fixture
    async def pager(self):
        return MeasuredPager()


async def test_a_level_is_late_by_the_time_between_its_due_moment_and_its_pages(pager):
    await pager.application.handle([raising()])
    await pager.advance(3)
    await pager.application.escalate_due(10)
    await pager.advance(15 * 60 + 4)
    await pager.application.escalate_due(10)
    assert pager.value("pager_escalation_lateness_seconds_count") == 2
    assert pager.value("pager_escalation_lateness_seconds_sum") == 7
    assert pager.value("pager_escalation_lateness_seconds_bucket", le="2.0") == 0
    assert pager.value("pager_escalation_lateness_seconds_bucket", le="5.0") == 2


async def test_what_is_not_durable_is_not_counted(pager):
    await pager.application.handle([raising()])
    async with pager.store.unit_of_work() as work:
        due = await work.due_services([CHECKOUT])
        await work.save([PagerService.on_timeout(due[CHECKOUT], Timeout(work.now), current(a_policy()))])
        pager.fake.unreachable = True
        with pytest.raises(StoreUnavailable):
            await work.commit()
    assert pager.value("pager_escalation_lateness_seconds_count") == 0
    pager.fake.unreachable = False
    await pager.application.escalate_due(10)
    assert pager.value("pager_escalation_lateness_seconds_count") == 1


async def test_the_pages_that_an_answer_cancels_are_counted_by_channel(pager):
    await pager.application.handle([raising()])
    await pager.application.escalate_due(10)
    await pager.application.handle([acknowledging(), healing()])
    assert pager.value("pager_pages_settled_total", channel="email", outcome="cancelled") == 1
    assert pager.value("pager_pages_settled_total", channel="sms", outcome="cancelled") == 1


async def test_pages_that_nobody_was_to_get_yet_are_counted_apart_and_are_not_overdue(pager):
    ana = a_person("ana", (0, "ana/mail"), (5, "ana/phone"), every=5)
    pager.application = an_application(
        pager.store, pager.outbox, FakeEscalationPolicies(a_policy(levels=[a_level_of(ana)]))
    )
    await pager.application.handle([raising()])
    await pager.application.escalate_due(10)
    await pager.outbox.claim(10)
    assert await pager.outbox.seconds_until_due() > 0
    assert pager.value("pager_delivery_overdue_seconds") == 0
    await pager.application.handle([acknowledging()])
    assert pager.value("pager_pages_settled_total", channel="sms", outcome="cancelled_before_due") == 2
    assert pager.value("pager_pages_settled_total", channel="sms", outcome="cancelled") == 0


async def test_an_incident_without_another_level_is_counted_as_exhausted(pager):
    await pager.application.handle([raising()])
    for _ in range(3):
        assert pager.value("pager_incidents_exhausted_total") == 0
        await pager.application.escalate_due(10)
        await pager.advance(15 * 60)
    assert pager.value("pager_incidents_exhausted_total") == 1


@pytest.mark.parametrize("owed", ["delivery", "escalation"])
async def test_overdue_grows_until_a_loop_finds_nothing_due(pager, owed):
    name, port = f"pager_{owed}_overdue_seconds", pager.outbox if owed == "delivery" else pager.store
    await pager.advance(5)
    assert pager.value(name) == 5
    await port.seconds_until_due()
    assert pager.value(name) == 0
    await pager.advance(2)
    assert pager.value(name) == 2


async def test_what_a_look_finds_due_is_overdue_since_then(pager):
    await pager.application.handle([raising()])
    await pager.advance(4)
    await pager.store.seconds_until_due()
    await pager.advance(1)
    assert pager.value("pager_escalation_overdue_seconds") == pytest.approx(5)


async def test_what_will_be_due_is_not_overdue(pager):
    await pager.application.handle([raising()])
    await pager.application.escalate_due(10)
    assert await pager.store.seconds_until_due() > 0
    assert pager.value("pager_escalation_overdue_seconds") == 0


async def test_alerts_are_counted_by_what_they_did(pager):
    flapping = replace(a_policy(levels=2), reopen_window=timedelta(minutes=5))
    pager.application = an_application(pager.store, pager.outbox, FakeEscalationPolicies(flapping))
    await pager.application.handle([raising(), raising(), raising()])
    await pager.application.escalate_due(10)
    await pager.application.handle([healing()])
    await pager.application.handle([raising()])
    counted = {outcome: pager.value("pager_alerts_total", outcome=outcome) for outcome in ALERTS}
    assert counted == {"opened": 1, "repeated": 2, "reopened": 1, "refused": 0, "undecided": 0}


async def test_a_page_is_late_from_the_moment_it_is_owed_until_it_is_handed_off(pager):
    await pager.application.handle([raising()])
    await pager.application.escalate_due(10)
    await pager.advance(3)
    claims = await pager.outbox.claim(10)
    await pager.advance(4)
    await pager.application.record([result_of(claim, HandedOff("smtp")) for claim in claims])
    assert pager.value("pager_page_lateness_seconds_sum", channel="email") == 7
    assert pager.value("pager_page_lateness_seconds_count", channel="email") == 1
    assert pager.value("pager_page_lateness_seconds_count", channel="sms") == 1


async def test_a_page_that_was_put_off_is_late_from_the_beginning_and_counts_once(pager):
    await pager.application.handle([raising()])
    await pager.application.escalate_due(10)
    claims = await pager.outbox.claim(10)
    busy = NotNow("busy", timedelta(seconds=60))
    await pager.application.record([result_of(claim, busy) for claim in claims])
    assert pager.value("pager_page_lateness_seconds_count", channel="email") == 0
    await pager.advance(60)
    claims = await pager.outbox.claim(10)
    await pager.application.record([result_of(claim, HandedOff("smtp")) for claim in claims])
    assert pager.value("pager_page_lateness_seconds_sum", channel="email") == 60


async def test_a_page_that_was_refused_is_not_late(pager):
    await pager.application.handle([raising()])
    await pager.application.escalate_due(10)
    claims = await pager.outbox.claim(10)
    await pager.application.record([result_of(claim, Refused("no such mailbox")) for claim in claims])
    assert pager.value("pager_page_lateness_seconds_count", channel="email") == 0
    assert pager.value("pager_pages_settled_total", channel="email", outcome="undeliverable") == 1


async def test_each_page_of_a_bundle_is_late_by_itself(pager):
    pager.outbox = MeasuredNotificationOutbox(FakeNotificationOutbox(pager.fake, Pace(burst=1)), pager.pages)
    policy = a_policy(levels=[a_level(1, targets=1)])
    pager.application = an_application(pager.store, pager.outbox, FakeEscalationPolicies(policy))
    for _ in range(2):
        await pager.application.handle([raising(f"service-{pager.clock.now().second}-{n}") for n in range(3)])
        await pager.application.escalate_due(10)
        await pager.advance(5)
    [bundle] = await pager.outbox.claim(10)
    await pager.application.record([result_of(bundle, HandedOff("smtp"))])
    assert pager.value("pager_page_lateness_seconds_count", channel="email") == 6
    assert pager.value("pager_page_lateness_seconds_sum", channel="email") == 3 * 10 + 3 * 5


async def test_the_backlog_is_told_and_its_oldest_page_grows_older_while_nobody_looks(pager):
    metrics = BacklogMetrics(pager.registry, pager._seconds)
    loop = BacklogLoop(pager.backlogs, metrics)
    await loop.step()
    assert pager.value("pager_oldest_undelivered_page_seconds") == 0
    await pager.application.handle([raising()])
    await loop.step()
    assert (pager.value("pager_levels_due"), pager.value("pager_incidents", stage="open")) == (1, 1)
    await pager.application.escalate_due(10)
    await pager.advance(6)
    await loop.step()
    assert pager.value("pager_levels_due") == 0
    assert pager.value("pager_pages", stage="due", channel="email") == 1
    assert pager.value("pager_pages", stage="in_flight", channel="email") == 0
    await pager.advance(4)
    assert pager.value("pager_oldest_undelivered_page_seconds") == 10
    pager.fake.unreachable = True
    with pytest.raises(StoreUnavailable):
        await loop.step()
    assert pager.value("pager_oldest_undelivered_page_seconds") == 10
