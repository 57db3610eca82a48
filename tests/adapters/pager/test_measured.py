"""What counts stands between the use cases and the store: it changes nothing, and counts what is durable only."""

import pytest
from builders import CHECKOUT, a_level_of, a_person, a_policy, acknowledging, an_application, current, healing, raising
from contracts.monitored_services import MonitoredServicesContract
from contracts.notification_outbox import NotificationOutboxContract
from fakes.escalation_policies import FakeEscalationPolicies
from fakes.pager import FakePager
from prometheus_client import CollectorRegistry

from pager_domain.errors import StoreUnavailable
from pager_domain.pager.events import Timeout
from pager_domain.pager.service import PagerService
from pager_grpc.pager.metrics import EscalationMetrics, PageMetrics
from pager_grpc.pager.monitored_services_prometheus import MeasuredMonitoredServices
from pager_grpc.pager.notification_outbox_prometheus import MeasuredNotificationOutbox


class MeasuredPager(FakePager):
    """The fakes, measured; what loops wait for is told by the same clock."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = CollectorRegistry()
        pages = PageMetrics(self.registry, self._seconds)
        self.fake = self.store
        self.store = MeasuredMonitoredServices(self.fake, EscalationMetrics(self.registry, self._seconds), pages)
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
