from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fakes.roster_builders import ANA_MAIL, ANA_PHONE, a_method, refused_field
from hypothesis import given, settings
from hypothesis import strategies as st

from pager_domain.policy.errors import CodeSentRecently, ContactMethodVerified
from pager_domain.policy.verification import Refusal, checked_code, message_of, new_code

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def numbered(*numbers):
    """Random bytes that are these numbers; after the last one, noughts."""
    left = list(numbers)

    def token_bytes(count):
        return (left.pop(0) if left else 0).to_bytes(count)

    return token_bytes


def sent(before=None, method=ANA_MAIL, now=NOW, number=123456):
    return new_code(before, "ana", method, now, numbered(number))


def wrong(verification, times, now=NOW):
    for _ in range(times):
        verification, _ = verification.tried(ANA_MAIL.address, "000000", now)
    return verification


@settings(max_examples=20)
@given(st.integers(0, 2**128 - 1))
def test_a_code_is_six_digits(number):
    _, code = sent(number=number)
    assert checked_code(code) == code
    assert int(code) == number % 10**6


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "12345a", "12 456", "+12345", "\uff11\uff12\uff13\uff14\uff15\uff16", "123456\n"]
)
def test_what_is_not_six_digits_is_no_try(code):
    assert refused_field(lambda: checked_code(code)) == "code"


def test_the_code_is_not_kept_and_shown_nowhere():
    verification, code = sent()
    kept = [verification.salt, verification.code_hash, verification.request_id.encode(), repr(verification).encode()]
    assert not [value for value in kept if code.encode() in value]
    assert ANA_MAIL.address.value not in repr(verification)
    message = message_of(verification, ANA_MAIL.address, code)
    assert code in message.text
    assert code not in repr(message)


def test_one_code_has_another_hash_each_time():
    hashes = {new_code(None, "ana", ANA_MAIL, NOW, numbered(123456, salt))[0].code_hash for salt in range(3)}
    assert len(hashes) == 3


def test_the_right_code_counts_once():
    verification, code = sent()
    used, refusal = verification.tried(ANA_MAIL.address, code, NOW)
    assert (used.used, refusal) == (True, None)
    assert used.tried(ANA_MAIL.address, code, NOW) == (used, Refusal.NONE_SENT)


@pytest.mark.parametrize(
    ("after", "refusal"), [(timedelta(minutes=10) - MICROSECOND, None), (timedelta(minutes=10), Refusal.EXPIRED)]
)
def test_a_code_counts_for_ten_minutes(after, refusal):
    verification, code = sent()
    assert verification.expires_at == NOW + timedelta(minutes=10)
    assert verification.tried(ANA_MAIL.address, code, NOW + after)[1] is refusal


def test_a_code_may_be_tried_wrongly_four_times_and_not_five():
    verification, code = sent()
    assert wrong(verification, 4).tried(ANA_MAIL.address, code, NOW)[1] is None
    assert wrong(verification, 4).tried(ANA_MAIL.address, "000000", NOW)[1] is Refusal.TRIED_TOO_OFTEN
    assert wrong(verification, 3).tried(ANA_MAIL.address, "000000", NOW)[1] is Refusal.WRONG
    spent = wrong(verification, 5)
    assert spent.tried(ANA_MAIL.address, code, NOW) == (spent, Refusal.TRIED_TOO_OFTEN)
    assert wrong(verification, 9).wrong_tries == 5


def test_a_code_counts_only_for_the_address_it_was_sent_to():
    verification, code = sent()
    other = a_method("mail", "ana@example.org").address
    assert verification.tried(other, code, NOW) == (verification, Refusal.NONE_SENT)


def test_a_newer_code_takes_the_place_of_an_older_one():
    older, old_code = sent(number=111111)
    newer, code = sent(wrong(older, 5), now=NOW + timedelta(minutes=1), number=222222)
    assert (newer.generation, newer.wrong_tries) == (2, 0)
    assert newer.request_id != older.request_id
    assert newer.tried(ANA_MAIL.address, old_code, NOW)[1] is Refusal.WRONG
    assert newer.tried(ANA_MAIL.address, code, NOW)[1] is None


def test_a_minute_lies_between_two_codes():
    before, _ = sent()
    with pytest.raises(CodeSentRecently) as refused:
        sent(before, now=NOW + timedelta(seconds=59))
    assert refused.value.retry_after == timedelta(seconds=1)
    assert sent(before, now=NOW + timedelta(minutes=1))[0].generation == 2


def test_a_code_that_was_not_sent_makes_nobody_wait():
    before, _ = sent()
    assert sent(replace(before, sent_at=None))[0].generation == 2


def test_what_is_verified_needs_no_code():
    with pytest.raises(ContactMethodVerified):
        sent(method=replace(ANA_MAIL, verified_at=NOW))


def test_each_code_has_a_request_id_of_its_own():
    sendings = [("ana", ANA_MAIL, 1), ("ana", ANA_PHONE, 1), ("ben", ANA_MAIL, 1), ("ana", ANA_MAIL, 2)]
    ids = {new_code(None, person, method, NOW, numbered(1, salt))[0].request_id for person, method, salt in sendings}
    assert len(ids) == 4
    assert {new_code(None, "ana", ANA_MAIL, NOW, numbered(1, 1))[0].request_id for _ in range(2)} < ids


def test_a_text_message_is_short():
    verification, code = sent(method=ANA_PHONE)
    message = message_of(verification, ANA_PHONE.address, code)
    assert message.subject == ""
    assert message.text.startswith("123456 is the code by which the Pager may page this number. It counts for 10 min")
    assert len(message.text) <= 160
    assert message.text.isascii()
