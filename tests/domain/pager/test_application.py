"""What is told to the pager: batches, repeats, answers."""

from datetime import timedelta

import pytest
from builders import (
    CHECKOUT,
    a_policy,
    acknowledging,
    an_application,
    healing,
    raising,
)
from domain.pager.use_cases import Pager
from fakes.escalation_policies import FakeEscalationPolicies

from pager_domain.errors import StoreUnavailable
from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.errors import IncidentUnknown, MonitoredServiceUnknown, NoOpenIncident, RequestIdReused
from pager_domain.pager.events import IncidentId, NotificationSettled, Outcome
from pager_domain.pager.model import Answer, IncidentState
from pager_domain.pager.ports.email_sender import NotNow, Refused


@pytest.fixture
def pager():
    return Pager()


async def test_an_alert_is_accepted_without_asking_anybody(pager):
    answer = await pager.granted(raising())
    assert (answer.changed, answer.alert_count, answer.incident.state) == (True, 1, IncidentState.OPEN)
    assert pager.policies.asked == []
    assert pager.waiting() == []
    assert pager.store.state.services[CHECKOUT].incident == answer.incident


async def test_one_bad_command_of_a_batch_fails_alone(pager):
    results = await pager.told(
        raising("a"), acknowledging("unknown"), healing("unknown"), acknowledging("a"), raising("b"), raising("a")
    )
    assert [type(result) for result in results] == [
        Answer,
        MonitoredServiceUnknown,
        MonitoredServiceUnknown,
        Answer,
        Answer,
        Answer,
    ]
    assert sorted(pager.store.state.services) == ["a", "b"]
    assert results[-1].alert_count == 2


async def test_refusals_say_what_was_meant(pager):
    await pager.told(raising("a"), healing("a"))
    results = await pager.told(acknowledging("a"), raising("a"), acknowledging("a", incident_id=IncidentId("other")))
    assert [type(result) for result in results] == [NoOpenIncident, Answer, IncidentUnknown]
    assert results[0].metadata == {"monitored_service_id": "a"}
    assert results[2].metadata == {"incident_id": "other"}


@pytest.mark.parametrize("make", [raising, acknowledging, healing])
async def test_a_repeat_of_a_request_gets_the_same_answer_and_changes_nothing(pager, make):
    await pager.told(raising("checkout", "begin"))
    first = await pager.granted(make(request_id="r"))
    before = pager.store.state.copy()
    again = await pager.granted(make(request_id="r"))
    assert (again.changed, again.alert_count) == (first.changed, first.alert_count)
    assert again.incident.incident_id == first.incident.incident_id
    assert pager.store.state == before


async def test_a_repeat_within_one_batch_gets_the_same_answer(pager):
    first, again, other = await pager.told(raising(request_id="r"), raising(request_id="r"), raising(request_id="s"))
    assert (first.changed, first.alert_count) == (again.changed, again.alert_count) == (True, 1)
    assert (other.changed, other.alert_count) == (False, 2)
    assert len(pager.timeline()) == 2


@pytest.mark.parametrize("together", [True, False])
async def test_a_request_id_with_other_content_is_refused(pager, together):
    requests = [raising(request_id="r"), raising(request_id="r", message="else"), acknowledging(request_id="r")]
    if together:
        first, *others = await pager.told(*requests)
    else:
        [first], *others = [await pager.told(request) for request in requests]
        others = [refusal for [refusal] in others]
    assert isinstance(first, Answer)
    assert [type(other) for other in others] == [RequestIdReused, RequestIdReused]
    assert pager.incident().alert_count == 1


async def test_a_request_id_belongs_to_its_service(pager):
    one, other = await pager.told(raising("a", request_id="r"), raising("b", request_id="r", message="else"))
    assert one.changed
    assert other.changed


async def test_a_refused_request_may_be_tried_again_under_its_id(pager):
    [refusal] = await pager.told(acknowledging(request_id="r"))
    assert isinstance(refusal, MonitoredServiceUnknown)
    await pager.told(raising())
    assert (await pager.granted(acknowledging(request_id="r"))).changed


async def test_an_acknowledgement_cancels_the_waiting_pages_with_a_line_each(pager):
    await pager.told(raising())
    await pager.time_passes(0)
    assert pager.waiting() == ["person-1-1", "person-1-2"]
    await pager.told(acknowledging())
    assert pager.waiting() == []
    cancelled = pager.said(NotificationSettled)
    assert [(line.target.target_id, line.outcome) for line in cancelled] == [
        ("person-1-1", Outcome.CANCELLED),
        ("person-1-2", Outcome.CANCELLED),
    ]
    await pager.deliver()
    assert pager.senders.sent == {}


async def test_in_one_batch_healthy_and_a_new_alert_cancel_the_pages_of_the_old_incident_only(pager):
    await pager.told(raising())
    await pager.time_passes(0)
    healthy, alert, again = await pager.told(healing(), raising(), raising())
    assert (healthy.changed, alert.changed, again.alert_count) == (True, True, 2)
    assert alert.incident.incident_id == "incident-2"
    assert pager.incident().state is IncidentState.RESOLVED
    assert len(pager.said(NotificationSettled)) == 2
    await pager.time_passes(0)
    assert len(pager.waiting()) == 2
    assert pager.store.state.services[CHECKOUT].incident.incident_id == "incident-2"


async def test_an_alert_after_a_healthy_event_opens_a_new_incident(pager):
    await pager.told(raising())
    await pager.told(healing())
    answer = await pager.granted(raising())
    assert (answer.changed, answer.alert_count, answer.incident.incident_id) == (True, 1, "incident-2")


async def test_every_timeline_counts_without_a_gap_whatever_happens(pager):
    pager.senders.answers = [NotNow("busy", timedelta(seconds=1)), Refused("no")]
    await pager.told(raising("a"), raising("b"), raising("a"))
    for _ in range(4):
        await pager.time_passes(900)
        await pager.deliver()
        await pager.told(raising("a"), raising("b"))
    await pager.told(acknowledging("a"), raising("a"), healing("a"), raising("a"), healing("b"))
    for incident in pager.store.state.incidents.values():
        lines = [event for event in pager.store.state.events if event.incident_id == incident.incident_id]
        assert [line.sequence for line in lines] == list(range(1, len(lines) + 1))
        assert incident.event_count == len(lines)
        assert [line.at for line in lines] == sorted(line.at for line in lines)


async def test_what_is_not_committed_never_was(pager):
    await pager.told(raising())
    before = pager.store.state.copy()
    async with pager.store.unit_of_work() as work:
        await work.services([MonitoredServiceId("new")])
        await work.cancel_waiting([IncidentId("incident-1")])
    assert pager.store.state == before


async def test_a_store_that_goes_away_before_the_commit_keeps_nothing(pager):
    await pager.told(raising())
    before = pager.store.state.copy()

    class GoesAway(FakeEscalationPolicies):
        async def resolve(self, questions):
            pager.store.unreachable = True
            return await super().resolve(questions)

    application = an_application(pager.store, pager.outbox, GoesAway(a_policy()))
    with pytest.raises(StoreUnavailable):
        await application.escalate_due(100)
    with pytest.raises(StoreUnavailable):
        await pager.told(raising())
    assert pager.store.state == before


async def test_equal_alerts_of_a_batch_are_one_line_around_whatever_else_is_told(pager):
    batch = [*[raising()] * 3, raising(message="else"), raising(), acknowledging(), raising(), raising()]
    answers = await pager.told(*batch)
    assert [answer.alert_count for answer in answers] == [1, 2, 3, 4, 5, 0, 6, 7]
    assert [(type(line).__name__, getattr(line, "repeats", 0)) for line in pager.timeline()] == [
        ("IncidentOpened", 0),
        ("AlertRepeated", 2),
        ("AlertRepeated", 1),
        ("AlertRepeated", 1),
        ("IncidentAcknowledged", 0),
        ("AlertRepeated", 2),
    ]
    assert pager.incident().alert_count == 7


async def test_alerts_before_and_after_the_end_of_an_incident_do_not_mix(pager):
    answers = await pager.told(raising(), raising(), healing(), raising(), raising())
    assert [(answer.changed, answer.alert_count) for answer in answers] == [
        (True, 1),
        (False, 2),
        (True, 0),
        (True, 1),
        (False, 2),
    ]
    assert [pager.incident(f"incident-{n}").alert_count for n in (1, 2)] == [2, 2]


async def test_a_request_that_comes_twice_in_one_batch_is_answered_twice_and_counted_once(pager):
    await pager.told(raising())
    answers = await pager.told(raising(request_id="r"), raising(request_id="r"), raising())
    assert [(answer.incident.incident_id, answer.alert_count) for answer in answers] == [
        ("incident-1", 2),
        ("incident-1", 2),
        ("incident-1", 3),
    ]
    assert pager.incident().alert_count == 3
