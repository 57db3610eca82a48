"""The audit over real databases: silent while promises hold, and it pages when somebody spoils a row."""

import asyncio

import pytest
from builders import CHECKOUT, acknowledging, an_application, raising
from contracts.notification_outbox import whom
from prometheus_client import CollectorRegistry
from sealed import SEALING

from pager_domain.errors import StoreUnavailable
from pager_domain.pager.audit import Violation
from pager_domain.pager.auditor import Audited, Auditor
from pager_domain.pager.delivery import result_of
from pager_domain.pager.events import Alert
from pager_domain.pager.ports.email_sender import HandedOff
from pager_domain.pager.ports.incident_views import WatchPosition
from pager_grpc.pager.audit_loop import OWN_SERVICE, PAUSE_SECONDS, PAUSE_WHILE_BEHIND_SECONDS, AuditLoop
from pager_grpc.pager.incident_records_sql import MAX_LINES, SqlIncidentRecords
from pager_grpc.pager.metrics import AuditMetrics


@pytest.fixture
async def application(pager):
    return an_application(pager.store, pager.outbox)


@pytest.fixture
def auditor(pager):
    return Auditor(pager.views, SqlIncidentRecords(pager.database, SEALING))


async def a_story(pager, application):
    await application.handle([raising(), raising()])
    await application.escalate_due(10)
    claims = await pager.outbox.claim(10)
    assert whom(claims) == ["person-1-1", "person-1-2"]
    await pager.outbox.record([result_of(claim, HandedOff("smtp")) for claim in claims])
    await application.handle([acknowledging()])
    # On PostgreSQL another database's transaction may hold the stream back for a moment.
    [incident] = await pager.views.incidents(CHECKOUT, (), None, 1)
    async with asyncio.timeout(30):
        while len(await pager.views.events_since(WatchPosition(0, 0), 100)) < incident.event_count:
            await asyncio.sleep(0)


async def audited(auditor):
    """Everything up to now."""
    incidents, broken = 0, []
    async with asyncio.timeout(30):
        while not incidents:
            slice_ = await auditor.audit(100)
            incidents += slice_.incidents
            broken += slice_.violations
    return incidents, [violation.promise for violation in broken]


async def test_a_story_that_kept_all_promises_is_judged_once(pager, application, auditor):
    await a_story(pager, application)
    assert await audited(auditor) == (1, [])
    assert (await auditor.audit(100)).incidents == 0


@pytest.mark.parametrize(
    ("spoiling", "promise"),
    [
        ("UPDATE monitored_services SET incident_id = NULL", "S2"),
        ("UPDATE incidents SET alert_count = 3", "S11"),
        ("UPDATE incidents SET exhausted = true", "S9"),
    ],
)
async def test_a_spoilt_row_is_found(pager, application, auditor, spoiling, promise):
    await a_story(pager, application)
    await pager.execute(spoiling)
    assert await audited(auditor) == (1, [promise])


async def test_a_long_timeline_is_left_out(pager, application, auditor):
    await application.handle([raising(message=f"alert {n}") for n in range(MAX_LINES + 1)])
    await application.handle([raising("other")])
    async with asyncio.timeout(30):
        while not (slice_ := await auditor.audit(MAX_LINES + 10)).incidents:
            pass
    assert slice_.incidents == 1


async def test_the_loop_counts_logs_and_raises_an_alert_for_the_pager_itself(pager, application, auditor):
    await a_story(pager, application)
    await pager.execute("UPDATE incidents SET alert_count = 3")
    raised = []

    async def raise_alert(request):
        raised.append(request)

    counted = CollectorRegistry()
    loop = AuditLoop(auditor, raise_alert, AuditMetrics(counted))
    async with asyncio.timeout(30):
        while not raised:
            assert await loop.step() in {PAUSE_SECONDS, PAUSE_WHILE_BEHIND_SECONDS}
        assert not loop.passed
        await loop.step()
    assert loop.passed
    [request] = raised
    assert (request.monitored_service_id, type(request.event)) == (OWN_SERVICE, Alert)
    assert "S11" in request.event.message
    assert CHECKOUT not in request.event.message
    assert counted.get_sample_value("pager_promises_broken_total", {"promise": "S11"}) == 1
    assert counted.get_sample_value("pager_promises_broken_total", {"promise": "S3"}) == 0
    assert counted.get_sample_value("pager_audit_incidents_total") == 1


class FailingOnce:
    """Finds what it is told, and cannot read the database the second time that it is asked."""

    def __init__(self, *violations):
        self.answers = [Audited(1, violations, is_behind=True), StoreUnavailable(), Audited(0, (), is_behind=False)]

    async def audit(self, _events):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_what_was_found_before_the_database_went_away_is_told_when_it_is_back():
    raised = []

    async def raise_alert(request):
        raised.append(request)
        if len(raised) == 1:
            raise StoreUnavailable

    broken = Violation("S3", "incident-1", "a page is gone")
    loop = AuditLoop(FailingOnce(broken), raise_alert, AuditMetrics(CollectorRegistry()))
    with pytest.raises(StoreUnavailable):
        await loop.step()
    assert (loop.passed, raised) == (False, [])
    with pytest.raises(StoreUnavailable):
        await loop.step()
    loop._auditor.answers = [Audited(0, (), is_behind=False)] * 2
    await loop.step()
    assert [str(broken) in request.event.details for request in raised] == [True, True]
    assert not loop.passed
    await loop.step()
    assert (loop.passed, len(raised)) == (True, 2)
