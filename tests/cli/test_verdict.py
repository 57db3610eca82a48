"""Whether paging works, from what three rooms say."""

from datetime import timedelta

import pytest
from cli.statuses import NOW, a_status, a_view, at, away, refusing

from pager_cli.verdict import Weight, verdict
from pager_grpc.gen.status.v1 import status_service_pb2 as pb


def seconds(duration, number):
    duration.FromTimedelta(timedelta(seconds=number))


def judged(**changed):
    return verdict(a_view(**changed))


def pager(**changed):
    status = a_status("pager", **changed)
    return status, status.paging.backlog


def test_where_all_is_well_paging_works():
    found = judged()
    assert (found.weight, found.sentence, found.word) == (None, "Paging works.", "works")


def test_a_mailbox_folder_reaches_nobody_and_that_is_said():
    notifier = a_status("notifier")
    notifier.providers[1].name = "mailbox"
    assert judged(notifier=notifier).sentence == "Paging works. SMS goes into the mailbox folder and reaches nobody."
    notifier.providers[0].name = "mailbox"
    found = judged(notifier=notifier)
    assert found.sentence == "Paging works. Everything goes into the mailbox folder and reaches nobody."
    assert found.weight is None


def test_where_nobody_answers_nobody_can_tell():
    found = judged(pager=away("pager"), policy=away("policy"), notifier=away("notifier"))
    assert found.weight is Weight.UNKNOWN
    assert found.sentence.startswith("Nobody can tell whether paging works: none of the three services answers")
    assert len(found.findings) == 1


def test_without_a_pager_paging_does_not_work():
    found = judged(pager=away("pager"))
    assert found.weight is Weight.BROKEN
    assert found.sentence == "Paging does not work: no pager answers at pager.example:1."


def test_a_pager_that_does_not_tell_leaves_it_open():
    found = judged(pager=refusing("pager"))
    assert found.weight is Weight.UNKNOWN
    assert "does not know the key" in found.sentence


@pytest.mark.parametrize(("room", "weight"), [("notifier", Weight.BROKEN), ("policy", Weight.DEGRADED)])
def test_what_the_pager_does_not_reach_is_told_once(room, weight):
    status, _ = pager()
    next(neighbor for neighbor in status.neighbors if neighbor.room == room).reached = False
    for sight in ({}, {room: away(room)}):
        found = judged(pager=status, **sight)
        assert found.weight is weight
        assert len(found.findings) == 1
        assert ("though it answers here" in found.sentence) == (not sight)


def test_what_only_this_machine_does_not_reach_is_no_end_of_paging():
    assert judged(notifier=away("notifier")).weight is Weight.DEGRADED


@pytest.mark.parametrize(
    ("room", "weight"), [("pager", Weight.BROKEN), ("notifier", Weight.BROKEN), ("policy", Weight.DEGRADED)]
)
def test_a_room_that_does_not_reach_its_database(room, weight):
    status = a_status(room)
    status.database.reached, status.database.failure = False, "ConnectionRefusedError"
    found = judged(**{room: status})
    assert found.weight is weight
    assert f"the {room} does not reach its database (ConnectionRefusedError)" in found.sentence


@pytest.mark.parametrize(
    ("owed", "weight"), [(0, None), (29, None), (30, Weight.DEGRADED), (119, Weight.DEGRADED), (120, Weight.BROKEN)]
)
def test_a_page_may_be_owed_for_half_a_minute(owed, weight):
    status, backlog = pager()
    seconds(backlog.oldest_page_age, owed)
    assert judged(pager=status).weight is weight


def test_a_level_that_nobody_fires_is_the_end_of_paging():
    status, backlog = pager()
    seconds(backlog.oldest_level_age, 14)
    assert judged(pager=status).weight is None
    seconds(backlog.oldest_level_age, 15)
    assert judged(pager=status).weight is Weight.BROKEN


def test_incidents_without_an_answer_are_something_to_look_at():
    status, backlog = pager()
    backlog.exhausted_incident_count = 2
    assert judged(pager=status).sentence.endswith("2 incidents escalated to the end without an answer.")


def test_a_broken_promise_is_told():
    status, _ = pager()
    status.paging.audit.broken_promise_count = 1
    assert "found 1 broken promise" in judged(pager=status).sentence


def test_an_audit_has_ten_minutes_also_after_a_start():
    status, _ = pager()
    at(status.paging.audit.pass_time, timedelta(minutes=11))
    assert "has not come through for 11 min" in judged(pager=status).sentence
    for up, weight in ((timedelta(minutes=9), None), (timedelta(minutes=11), Weight.DEGRADED)):
        status, _ = pager(up=up)
        status.paging.audit.ClearField("pass_time")
        assert judged(pager=status).weight is weight


def test_a_canary_has_three_minutes_also_after_a_start():
    status, _ = pager()
    at(status.paging.canary.success_time, timedelta(seconds=170))
    assert judged(pager=status).weight is None
    at(status.paging.canary.success_time, timedelta(seconds=190))
    assert judged(pager=status).weight is Weight.BROKEN
    status, _ = pager(up=timedelta(minutes=2))
    status.paging.canary.SetInParent()
    assert judged(pager=status).weight is None


def test_a_process_that_only_takes_calls_has_no_audit_to_miss():
    status, _ = pager()
    status.paging.ClearField("audit")
    assert judged(pager=status).weight is None


def test_a_provider_fails_while_its_last_word_is_a_fresh_no():
    notifier = a_status("notifier")
    mail = notifier.providers[0]
    mail.failure = "deferred"
    at(mail.failure_time, timedelta(seconds=10))
    found = judged(notifier=notifier)
    assert found.weight is Weight.DEGRADED
    assert "E-mail (smtp) does not take messages: deferred; it last took one 3 min ago" in found.sentence
    at(mail.accept_time, timedelta(seconds=5))
    assert judged(notifier=notifier).weight is None
    mail.ClearField("accept_time")
    assert "it has taken none since the notifier began" in judged(notifier=notifier).sentence
    at(mail.failure_time, timedelta(minutes=11))
    assert judged(notifier=notifier).weight is None


def test_services_that_would_reach_nobody_are_told():
    found = judged(unreached=1)
    assert "1 service would reach nobody at some time within a day" in found.sentence
    assert judged(unreached=None).weight is None


@pytest.mark.parametrize(
    ("left", "weight"),
    [(timedelta(days=15), None), (timedelta(days=13), Weight.DEGRADED), (-timedelta(hours=5), Weight.BROKEN)],
)
def test_a_certificate_is_renewed_two_weeks_before_its_end(left, weight):
    status = a_status("policy")
    status.security.certificate_expire_time.FromDatetime(NOW + left)
    assert judged(policy=status).weight is weight


def test_the_worst_comes_first():
    status, backlog = pager()
    backlog.exhausted_incident_count = 1
    seconds(backlog.oldest_page_age, 600)
    found = judged(pager=status, unreached=3)
    assert found.sentence == "Paging does not work: a page has been owed for 10 min and is not handed off."
    assert [finding.weight for finding in found.findings] == [Weight.BROKEN, Weight.DEGRADED, Weight.DEGRADED]


def test_a_channel_that_nobody_knows_is_called_that():
    notifier = a_status("notifier")
    notifier.providers.add(channel=9, name="mailbox")
    assert "that this pagerctl does not know" in judged(notifier=notifier).sentence
    assert pb.Provider.Channel.values() == [0, 1, 2]
