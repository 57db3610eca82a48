from datetime import timedelta

import pytest
from fakes.notifier_builders import NOON, an_email, an_sms

from pager_domain.errors import InvalidField
from pager_domain.notifier.errors import (
    DeliveryFateUnknown,
    DeliveryInDoubt,
    DeliveryInProgress,
    FencingTokenStale,
    MessageRefused,
    ProviderDeferred,
    RequestIdReused,
)
from pager_domain.notifier.messages import Channel
from pager_domain.notifier.model import (
    LEASE,
    MAX_ANSWER_CHARACTERS,
    REMEMBERED_FOR,
    Accepted,
    Deferred,
    DeliveryState,
    HandOffRequest,
    InDoubt,
    Refused,
    begin,
    outcome,
    settle,
)

SECOND = timedelta(seconds=1)


def asked(message=None, token=0):
    return HandOffRequest(message or an_email(), "smtp", token)


def sending(token=0):
    return begin(None, asked(token=token), NOON)


def settled(*answers):
    """A delivery after so many attempts, one second each."""
    delivery, now = None, NOON
    for answer in answers:
        delivery = begin(delivery, asked(), now)
        now += SECOND
        delivery = settle(delivery, delivery.attempt_count, answer, now)
    return delivery


def test_a_new_page_is_sent():
    delivery = begin(None, asked(token=7), NOON)
    assert delivery.state is DeliveryState.SENDING
    assert (delivery.attempt_count, delivery.doubt_count, delivery.fencing_token) == (1, 0, 7)
    assert delivery.sending_until == NOON + LEASE
    assert not delivery.possible_duplicate


@pytest.mark.parametrize(("since", "doubted"), [(timedelta(), 0), (REMEMBERED_FOR - SECOND, 0), (REMEMBERED_FOR, 1)])
def test_what_the_ledger_does_not_know_and_was_asked_for_long_ago_may_be_a_duplicate(since, doubted):
    delivery = begin(None, HandOffRequest(an_email(), "smtp", 2, since), NOON)
    assert (delivery.doubt_count, delivery.possible_duplicate) == (doubted, bool(doubted))
    assert outcome(settle(delivery, 1, Accepted(), NOON)).doubt_count == doubted


def test_what_the_ledger_knows_is_answered_from_it_however_long_ago_it_was_asked_for():
    accepted = settled(Accepted())
    assert begin(accepted, HandOffRequest(an_email(), "smtp", 2, 9 * REMEMBERED_FOR), NOON) == accepted


def test_the_ledger_knows_a_hint_never_the_recipient_or_the_text():
    for message, hint, channel in ((an_email(), "…@example.com", Channel.EMAIL), (an_sms(), "…78", Channel.SMS)):
        delivery = begin(None, asked(message), NOON)
        assert (delivery.recipient_hint, delivery.channel) == (hint, channel)
        for secret in ("ana@", "4915112345678", "checkout is down"):
            assert secret not in repr(delivery)


def test_a_repeat_of_an_accepted_page_is_answered_from_the_ledger():
    accepted = settled(Accepted("id-7"))
    assert begin(accepted, asked(), NOON + 9 * LEASE) == accepted
    assert outcome(accepted).provider_message_id == "id-7"


def test_a_repeat_of_a_refused_page_is_refused_from_the_ledger():
    refused = settled(Refused("550 no such user"))
    assert begin(refused, asked(), NOON + 9 * LEASE) == refused
    with pytest.raises(MessageRefused, match="550 no such user"):
        outcome(refused)


def test_while_an_attempt_is_under_way_nobody_else_sends():
    with pytest.raises(DeliveryInProgress) as refused:
        begin(sending(), asked(), NOON + 3 * SECOND)
    assert refused.value.retry_after == LEASE - 3 * SECOND


def test_an_attempt_whose_lease_has_ended_counts_as_a_doubt_and_is_sent_again_marked():
    delivery = begin(sending(), asked(), NOON + LEASE)
    assert delivery.state is DeliveryState.SENDING
    assert (delivery.attempt_count, delivery.doubt_count) == (2, 1)
    assert delivery.possible_duplicate
    assert delivery.sending_until == NOON + 2 * LEASE


def test_a_page_in_doubt_is_sent_twice_more_and_then_its_fate_is_unknown():
    doubt = InDoubt("connection lost")
    for times, state in ((1, DeliveryState.IN_DOUBT), (2, DeliveryState.IN_DOUBT), (3, DeliveryState.UNKNOWN)):
        delivery = settled(*[doubt] * times)
        assert (delivery.state, delivery.doubt_count) == (state, times)
    assert begin(delivery, asked(), NOON + 9 * LEASE) == delivery
    with pytest.raises(DeliveryFateUnknown):
        outcome(delivery)


def test_crashes_alone_use_up_the_doubts_too():
    delivery, now = sending(), NOON
    for attempt in (2, 3):
        now += LEASE
        delivery = begin(delivery, asked(), now)
        assert (delivery.state, delivery.attempt_count) == (DeliveryState.SENDING, attempt)
    given_up = begin(delivery, asked(), now + LEASE)
    assert (given_up.state, given_up.attempt_count) == (DeliveryState.UNKNOWN, 3)


def test_a_page_in_doubt_that_is_then_taken_is_accepted_and_keeps_its_doubt():
    delivery = settled(InDoubt("timeout"), Accepted("id-2"))
    assert (delivery.state, delivery.doubt_count) == (DeliveryState.ACCEPTED, 1)


def test_a_deferred_page_is_tried_again_unmarked_as_often_as_it_takes():
    delivery = settled(*[Deferred(SECOND, "busy")] * 50)
    assert (delivery.state, delivery.attempt_count, delivery.doubt_count) == (DeliveryState.DEFERRED, 50, 0)
    assert not begin(delivery, asked(), NOON + LEASE).possible_duplicate
    with pytest.raises(ProviderDeferred, match="busy") as deferred:
        outcome(delivery)
    assert deferred.value.retry_after == SECOND


def test_a_deferral_does_not_make_a_doubt_forgotten():
    delivery = settled(InDoubt("timeout"), Deferred(SECOND, "busy"))
    assert begin(delivery, asked(), NOON + LEASE).possible_duplicate


def test_a_page_in_doubt_may_be_repeated_soon():
    with pytest.raises(DeliveryInDoubt) as doubt:
        outcome(settled(InDoubt("timeout")))
    assert timedelta() < doubt.value.retry_after <= SECOND


@pytest.mark.parametrize("answer", [Accepted(), Refused("no"), Deferred(SECOND, "busy"), InDoubt("timeout")])
def test_an_id_with_other_content_is_refused_in_every_state(answer):
    with pytest.raises(RequestIdReused):
        begin(settled(answer), asked(an_email(text="other")), NOON + LEASE)


def test_an_attempt_with_a_lower_token_is_refused_and_with_the_same_or_a_higher_one_is_not():
    deferred = settle(sending(token=5), 1, Deferred(SECOND, "busy"), NOON)
    with pytest.raises(FencingTokenStale):
        begin(deferred, asked(token=4), NOON)
    assert begin(deferred, asked(token=5), NOON).fencing_token == 5
    assert begin(deferred, asked(token=6), NOON).fencing_token == 6


def test_a_negative_token_is_refused():
    with pytest.raises(InvalidField, match="fencing_token"):
        asked(token=-1)


def test_a_late_answer_to_an_older_attempt_changes_nothing():
    newer = begin(sending(), asked(), NOON + LEASE)
    for answer in (Accepted("late"), Refused("late"), InDoubt("late")):
        assert settle(newer, 1, answer, NOON + LEASE) == newer
    with pytest.raises(DeliveryInProgress):
        outcome(newer)


def test_a_late_answer_to_the_newest_attempt_still_counts():
    assert settle(sending(), 1, Accepted("late"), NOON + 3 * LEASE).state is DeliveryState.ACCEPTED


def test_what_a_provider_says_is_kept_as_one_short_printable_line():
    said = settled(Refused("550 \x00no\r\nsuch \udcff\x1b[31muser" + "!" * 10_000)).provider_answer
    assert said.startswith("550 no such [31muser!!!")
    assert len(said) == MAX_ANSWER_CHARACTERS
    assert said.isprintable()
    assert settled(Accepted("id\r\n7")).provider_message_id == "id 7"
