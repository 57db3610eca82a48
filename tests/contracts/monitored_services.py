"""What every store of services promises. A signer gives ``pager``: ``store``, ``outbox``, ``views`` and ``advance``."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from builders import CHECKOUT, a_policy, acknowledging, an_application, healing, raising
from fakes.escalation_policies import DOWN, FakeEscalationPolicies

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.events import IncidentId, LevelNotified, Link, Severity
from pager_domain.pager.model import IncidentState
from pager_domain.pager.service import PagerService


class MonitoredServicesContract:
    @pytest.fixture
    async def pager(self):
        raise NotImplementedError

    async def test_a_service_and_its_incident_are_read_as_they_were_stored(self, pager):
        application = an_application(pager.store, pager.outbox)
        alert = raising(
            "shöp 'x' \\ %",
            message="päyments\nfail",
            severity=Severity.WARNING,
            dedup_key="k",
            details="a\tb",
            links=(Link("https://x.example/ü", "ü"), Link("http://y.example")),
            occurred_at=datetime(1, 1, 1, tzinfo=UTC),
        )
        [answer] = await application.handle([alert])
        assert await pager.views.incident(answer.incident.incident_id) == answer.incident
        assert await pager.views.service(alert.monitored_service_id) == answer.service
        [acknowledged] = await application.handle([acknowledging("shöp 'x' \\ %", by="änä", note="on\nit")])
        assert await pager.views.incident(answer.incident.incident_id) == acknowledged.incident

    async def test_a_moment_at_the_end_of_the_calendar_is_kept(self, pager):
        last = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
        [answer] = await an_application(pager.store, pager.outbox).handle([raising(occurred_at=last)])
        assert (await pager.views.incident(answer.incident.incident_id)).alert.occurred_at == last

    async def test_only_an_alert_begins_a_service(self, pager):
        async with pager.store.unit_of_work() as work:
            found = await work.services([MonitoredServiceId("new")], [MonitoredServiceId("other")])
        assert [(key, service.incident) for key, service in found.items()] == [("new", None)]

    async def test_leaving_without_commit_takes_everything_back(self, pager):
        async with pager.store.unit_of_work() as work:
            services = await work.services([CHECKOUT])
            change = PagerService.on_alert(services[CHECKOUT], raising().event, lambda: IncidentId("i"), work.now)
            await work.save([change])
        assert await pager.views.service(CHECKOUT) is None
        assert await pager.views.incident(IncidentId("i")) is None
        assert await pager.views.events_since(await pager.views.watch_position(), 10) == []

    async def test_an_error_inside_a_unit_of_work_takes_everything_back(self, pager):
        async def failing() -> None:
            async with pager.store.unit_of_work() as work:
                await work.services([CHECKOUT])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await failing()
        assert await pager.views.service(CHECKOUT) is None

    async def test_a_repeat_of_a_request_is_recognised_also_later_and_in_other_company(self, pager):
        application = an_application(pager.store, pager.outbox)
        [first] = await application.handle([raising(request_id="r")])
        await application.handle([raising("other", "r"), raising(request_id="s")])
        again, other = await application.handle([raising(request_id="r"), raising("other", "t")])
        assert (again.changed, again.alert_count) == (first.changed, first.alert_count) == (True, 1)
        assert other.alert_count == 2

    async def test_a_batch_that_opens_resolves_and_opens_again_is_one_commit(self, pager):
        application = an_application(pager.store, pager.outbox)
        answers = await application.handle([raising(), healing(), raising(), acknowledging(), healing(), raising()])
        assert [answer.changed for answer in answers] == [True] * 6
        incidents = await pager.views.incidents(CHECKOUT, (), None, 10)
        assert sorted(incident.state for incident in incidents) == ["open", "resolved", "resolved"]
        for incident in incidents:
            lines = await pager.views.events(incident, 0, 10)
            assert [line.sequence for line in lines] == list(range(1, incident.event_count + 1))

    async def test_an_open_incident_is_due_at_once_and_again_when_its_delay_ends(self, pager):
        application = an_application(pager.store, pager.outbox)
        assert await pager.store.seconds_until_due() is None
        await application.handle([raising()])
        assert await pager.store.seconds_until_due() <= 0
        assert [incident.monitored_service_id for incident in await pager.store.due(10)] == [CHECKOUT]
        assert await application.escalate_due(10) == 1
        assert await pager.store.due(10) == []
        assert 890 < await pager.store.seconds_until_due() <= 900
        await pager.advance(901)
        assert await application.escalate_due(10) == 1
        assert (await pager.views.service(CHECKOUT)).incident.level == 2
        await pager.advance(901)
        await application.escalate_due(10)
        assert await pager.store.seconds_until_due() is None

    async def test_the_longest_due_come_first(self, pager):
        application = an_application(pager.store, pager.outbox)
        for name in ("b", "c", "a"):
            await application.handle([raising(name)])
            await pager.advance(1)
        assert [incident.monitored_service_id for incident in await pager.store.due(2)] == ["b", "c"]

    async def test_the_most_severe_are_due_first(self, pager):
        application = an_application(pager.store, pager.outbox)
        for severity in (Severity.INFO, Severity.WARNING, Severity.CRITICAL, Severity.ERROR):
            await application.handle([raising(severity, severity=severity)])
            await pager.advance(1)
        due = [incident.monitored_service_id for incident in await pager.store.due(3)]
        assert due == ["critical", "error", "warning"]

    async def test_only_what_is_due_is_loaded_to_be_escalated(self, pager):
        application = an_application(pager.store, pager.outbox)
        await application.handle([raising("answered"), raising("fired"), raising("due"), acknowledging("answered")])
        await application.handle([raising("healthy"), healing("healthy")])
        async with pager.store.unit_of_work() as work:
            names = [MonitoredServiceId(name) for name in ("answered", "due", "fired", "healthy", "unknown")]
            found = await work.due_services(names)
        assert sorted(found) == ["due", "fired"]

    async def test_the_last_known_policy_is_kept_with_the_moment_it_was_learnt(self, pager):
        policies = FakeEscalationPolicies(a_policy(levels=2, repeats=3))
        application = an_application(pager.store, pager.outbox, policies)
        await application.handle([raising()])
        await application.escalate_due(10)
        [(policy, learnt_at)] = (await pager.store.last_known_policies([CHECKOUT, MonitoredServiceId("x")])).values()
        assert policy == a_policy(levels=2, repeats=3)
        await application.handle([healing(), raising()])
        await pager.advance(60)
        policies.default = a_policy(revision=2)
        await application.escalate_due(10)
        [(newer, learnt_later)] = (await pager.store.last_known_policies([CHECKOUT])).values()
        assert newer.revision == 2
        assert timedelta(seconds=59) < learnt_later - learnt_at < timedelta(seconds=90)

    async def test_a_policy_survives_with_the_incident_and_so_does_the_catch_all(self, pager):
        policies = FakeEscalationPolicies()
        policies.fault = DOWN
        application = an_application(pager.store, pager.outbox, policies)
        await application.handle([raising()])
        await application.escalate_due(10)
        incident = (await pager.views.service(CHECKOUT)).incident
        assert incident.policy.is_catch_all
        lines = await pager.views.events(incident, 1, 10)
        assert isinstance(lines[0].what, LevelNotified)
        assert lines[0].what.policy_fault == DOWN.fault

    async def test_50_batches_at_once_for_one_service_open_one_incident(self, pager):
        applications = [an_application(store, pager.outbox, new_incident_id=_named(n)) for n, store in pager.stores(50)]
        answers = await asyncio.gather(
            *(pager.retrying(application.handle, [raising()]) for application in applications)
        )
        flat = [answer for [answer] in answers]
        assert sum(answer.changed for answer in flat) == 1
        assert sorted(answer.alert_count for answer in flat) == list(range(1, 51))
        assert len({answer.incident.incident_id for answer in flat}) == 1
        [incident] = await pager.views.incidents(CHECKOUT, (), None, 10)
        assert [line.sequence for line in await pager.views.events(incident, 0, 100)] == list(range(1, 51))

    async def test_batches_that_touch_the_same_services_in_any_order_all_end(self, pager):
        names = ["a", "b", "c", "d"]
        applications = [an_application(store, pager.outbox, new_incident_id=_named(n)) for n, store in pager.stores(8)]
        turns = [names[n % 4 :] + names[: n % 4] for n in range(8)]
        await asyncio.gather(
            *(
                pager.retrying(application.handle, [raising(name) for name in turn])
                for application, turn in zip(applications, turns, strict=True)
            )
        )
        incidents = await pager.views.incidents(None, (), None, 10)
        assert sorted((i.monitored_service_id, i.alert_count) for i in incidents) == [(name, 8) for name in names]

    async def test_escalations_at_once_fire_a_level_once(self, pager):
        names = [f"service-{n}" for n in range(5)]
        await an_application(pager.store, pager.outbox).handle([raising(name) for name in names])
        applications = [an_application(store, pager.outbox) for _, store in pager.stores(6)]
        await asyncio.gather(*(pager.retrying(application.escalate_due, 100) for application in applications))
        await applications[0].escalate_due(100)
        claims = await pager.outbox.claim(100)
        assert sorted((c.notification.monitored_service_id, c.notification.target.target_id) for c in claims) == [
            (name, f"person-1-{n}") for name in names for n in (1, 2)
        ]
        for incident in await pager.views.incidents(None, (), None, 10):
            assert (incident.state, incident.level, incident.event_count) == (IncidentState.OPEN, 1, 2)


def _named(number: int):
    numbers = count()
    return lambda: IncidentId(f"incident-{number}-{next(numbers)}")
