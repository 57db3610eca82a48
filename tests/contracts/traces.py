"""What every store and outbox promise of traces. A signer gives ``pager``: ``store`` and ``outbox``."""

from dataclasses import replace

import pytest
from builders import an_application, raising
from fakes.tracing import A_CALLER, ANOTHER_CALLER, FakeTracing

from pager_grpc.pager.monitored_services_traced import TracedMonitoredServices


class TracesContract:
    @pytest.fixture
    async def pager(self):
        raise NotImplementedError

    @pytest.fixture
    def tracing(self):
        return FakeTracing()

    @pytest.fixture
    def store(self, pager, tracing):
        return TracedMonitoredServices(pager.store, tracing)

    @pytest.fixture
    def application(self, pager, store):
        return an_application(store, pager.outbox)

    async def test_an_incident_stays_in_the_trace_of_the_alert_that_opened_it(self, pager, application):
        await application.handle([replace(raising(), traceparent=A_CALLER)])
        await application.handle([replace(raising(), traceparent=ANOTHER_CALLER)])
        [incident] = await pager.store.due(10)
        assert incident.traceparent == A_CALLER

    async def test_a_page_belongs_to_the_span_of_its_level_which_belongs_to_the_alert(
        self, pager, application, tracing
    ):
        await application.handle([replace(raising("traced"), traceparent=A_CALLER), raising("untraced")])
        await application.escalate_due(10)
        [level] = tracing.spans
        assert (level.name, level.parent, level.ended) == ("notify level", A_CALLER, 1)
        assert (level.attributes["pager.level"], level.attributes["pager.pages"]) == (1, 2)
        claimed = {claim.notification.monitored_service_id: claim for claim in await pager.outbox.claim(10)}
        assert claimed["traced"].notification.traceparent == level.traceparent
        assert claimed["untraced"].notification.traceparent == ""

    async def test_the_next_level_belongs_to_the_same_trace(self, pager, application, tracing):
        await application.handle([replace(raising(), traceparent=A_CALLER)])
        await application.escalate_due(10)
        await pager.advance(901)
        await application.escalate_due(10)
        assert [(level.parent, level.attributes["pager.level"]) for level in tracing.spans] == [
            (A_CALLER, 1),
            (A_CALLER, 2),
        ]

    async def test_a_level_that_did_not_become_durable_has_a_span_that_failed(self, store, application, tracing):
        await application.handle([replace(raising(), traceparent=A_CALLER)])
        await store.due(10)  # and then the step breaks off
        await application.escalate_due(10)
        assert [(level.fault, level.ended) for level in tracing.spans] == [("not durable", 1), ("", 1)]
