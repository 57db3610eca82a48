"""People with steps, from the answer of the policy service to the notifier and into the timeline."""

from datetime import timedelta

import pytest
from adapters.pager.running import kinds, lines
from adapters.pager.scripted_servers import a_status, a_wire_level, a_wire_person, a_wire_policy
from grpc import StatusCode

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb

Settled = pb.IncidentEvent.NotificationSettled
MAIL, PHONE = "ana.mail@example.com", "+4915100000001"
INFO = pb.Incident.SEVERITY_INFO


def on_call(*steps, level_seconds=900, **more):
    """A policy whose first level is ana, who is on call, and whose second one is somebody else."""
    level = policy_pb.ResolvedLevel(targets=[a_wire_person("ana", *steps, **more)])
    level.acknowledgement_timeout.FromTimedelta(timedelta(seconds=level_seconds))
    return a_wire_policy(level, a_wire_level(2, seconds=900))


def ends(timeline):
    settled = lines(timeline, "notification_settled")
    return [(end.target.contact_method_id, end.step, Settled.Outcome.Name(end.outcome)[8:]) for end in settled]


async def test_each_step_leaves_after_its_delay_and_the_last_is_repeated_until_the_next_level(caller):
    caller.policy.answer = on_call((0, MAIL), (0.3, PHONE), every=1, level_seconds=2)
    opened = await caller.alert()
    timeline = await caller.until_line(opened.incident.incident_id, "notification_settled", times=4)
    assert ends(timeline)[:3] == [("mail", 0, "HANDED_OFF"), ("phone", 0, "HANDED_OFF"), ("phone", 1, "HANDED_OFF")]
    fired, *left = [line for line in timeline if line.WhichOneof("event") in ("level_notified", "notification_settled")]
    after = [line.event_time.ToDatetime() - fired.event_time.ToDatetime() for line in left]
    assert after[1] >= timedelta(seconds=0.3)
    assert after[2] >= timedelta(seconds=1.3)
    assert caller.notifier.sent[PHONE] == 2


async def test_the_timeline_names_person_method_delays_and_why_this_person_and_no_address(caller):
    caller.policy.answer = on_call((0, MAIL), (60, PHONE), schedule_id="rota", layer_id="nights", override_id="swap")
    opened = await caller.alert()
    timeline = await caller.until_line(opened.incident.incident_id, "notification_settled")
    mail, phone = lines(timeline, "level_notified")[0].targets
    assert (mail.target_id, mail.person_id, mail.contact_method_id, list(mail.delays)) == ("primary", "ana", "mail", [])
    assert [delay.seconds for delay in phone.delays] == [60]
    assert (phone.schedule_id, phone.layer_id, phone.override_id) == ("rota", "nights", "swap")
    assert lines(timeline, "notification_settled")[0].target.person_id == "ana"
    assert MAIL not in str(timeline)
    assert PHONE not in str(timeline)


async def test_an_acknowledgement_ends_what_was_not_due_and_says_so(caller):
    caller.policy.answer = on_call((0, MAIL), (60, PHONE), every=60)
    incident_id = (await caller.alert()).incident.incident_id
    await caller.until_line(incident_id, "notification_settled")
    await caller.acknowledge()
    timeline = await caller.timeline(incident_id)
    never = [end for end in lines(timeline, "notification_settled") if end.before_due]
    assert [(end.target.contact_method_id, end.step) for end in never] == [("phone", n) for n in range(14)]
    assert {Settled.Outcome.Name(end.outcome) for end in never} == {"OUTCOME_CANCELLED"}
    assert caller.notifier.sent[PHONE] == 0


async def test_when_the_mail_is_refused_the_phone_rings_at_once(caller):
    caller.policy.answer = on_call((0, MAIL), (600, PHONE))
    caller.notifier.refusals.append(a_status(StatusCode.FAILED_PRECONDITION, "MESSAGE_REFUSED"))
    opened = await caller.alert()
    timeline = await caller.until_line(opened.incident.incident_id, "notification_settled", times=2)
    assert ends(timeline) == [("mail", 0, "UNDELIVERABLE"), ("phone", 0, "HANDED_OFF")]
    assert "level_undeliverable" not in kinds(timeline)


async def test_information_takes_the_rule_of_low_urgency(caller):
    caller.policy.answer = on_call((0, PHONE), low=[(0, MAIL)])
    opened = await caller.alert(severity=INFO)
    timeline = await caller.until_line(opened.incident.incident_id, "notification_settled")
    assert ends(timeline) == [("mail", 0, "HANDED_OFF")]


async def test_a_level_at_which_nobody_is_reached_is_skipped_and_says_why(caller):
    reasons = policy_pb.UnreachedTarget.Reason
    nobody = policy_pb.ResolvedLevel()
    nobody.unreached.add(target_id="primary", schedule_id="rota", reason=reasons.REASON_NOBODY_ON_CALL)
    nobody.unreached.add(target_id="ana", person_id="ana", reason=reasons.REASON_NO_VERIFIED_CONTACT_METHOD)
    nobody.unreached.add(target_id="ben", person_id="ben", reason=99)
    caller.policy.answer = a_wire_policy(nobody, a_wire_level(2, seconds=900))
    opened = await caller.alert()
    [skipped] = lines(await caller.until_line(opened.incident.incident_id, "level_notified"), "level_skipped")
    told = [(target.target_id, target.person_id, target.schedule_id, target.reason) for target in skipped.unreached]
    known = pb.UnreachedTarget.Reason
    assert told == [
        ("primary", "", "rota", known.REASON_NOBODY_ON_CALL),
        ("ana", "ana", "", known.REASON_NO_VERIFIED_CONTACT_METHOD),
        ("ben", "ben", "", known.REASON_UNSPECIFIED),
    ]


async def test_the_policy_service_is_told_which_incident_asks_so_that_it_keeps_its_turn(caller):
    caller.policy.answer = a_wire_policy(a_wire_level(1, seconds=1), a_wire_level(2, seconds=900))
    incident_id = (await caller.alert()).incident.incident_id
    await caller.until_line(incident_id, "level_notified", times=2)
    about = [question for question in caller.policy.asked if question.incident_id == incident_id]
    assert [question.WhichOneof("subject") for question in about] == ["monitored_service_id", "policy_revision"]


@pytest.mark.parametrize("nonsense", ["no steps", "a negative delay", "no address", "a repeat without a pause"])
async def test_an_answer_about_people_that_makes_no_sense_is_not_believed(caller, nonsense):
    answer = on_call((0, MAIL), (1, PHONE))
    rule = answer.levels[0].targets[0].high_urgency_rule
    match nonsense:
        case "no steps":
            del rule.steps[:]
        case "a negative delay":
            rule.steps[1].delay.seconds = -1
        case "no address":
            rule.steps[0].ClearField("email")
        case _:
            rule.repeat_interval.seconds = 0
            rule.repeat_interval.SetInParent()
    caller.policy.answer = answer
    opened = await caller.alert()
    [notified] = lines(await caller.until_line(opened.incident.incident_id, "level_notified"), "level_notified")
    assert [target.target_id for target in notified.targets] == ["catch-all"]
    assert "makes no sense" in notified.policy_fault
