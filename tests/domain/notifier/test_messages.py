import pytest
from fakes.notifier_builders import ANA, an_email, an_sms
from hypothesis import given
from hypothesis import strategies as st

from pager_domain.errors import InvalidField
from pager_domain.notifier.messages import (
    MAX_BODY_BYTES,
    MAX_SMS_CHARACTERS,
    POSSIBLE_DUPLICATE_LINE,
    POSSIBLE_DUPLICATE_PREFIX,
)


@pytest.mark.parametrize(
    ("make", "field", "limit"),
    [
        (lambda: an_email(to="ana"), "email_address", "at most 254 bytes"),
        (lambda: an_email(to="a" * 64 + "@" + "b." * 95 + "com"), "email_address", "at most 254 bytes"),
        (lambda: an_email(subject=" "), "subject", "is required"),
        (lambda: an_email(subject="é" * 513), "subject", "at most 1024 bytes"),
        (lambda: an_email(text=""), "text_body", "is required"),
        (lambda: an_email(text="x" * (32 * 1024 + 1)), "text_body", "at most 32768 bytes"),
        (lambda: an_email(text="a\0b"), "text_body", "control characters"),
        (lambda: an_email(""), "request_id", "is required"),
        (lambda: an_email("x" * 256), "request_id", "at most 255 bytes"),
        (lambda: an_email("a\nb"), "request_id", "control characters"),
        (lambda: an_sms(to="015112345678"), "phone_number", "E.164"),
        (lambda: an_sms(text=""), "text", "is required"),
        (lambda: an_sms(text="☎" * 1601), "text", "at most 1600 characters"),
        (lambda: an_sms("x" * 256), "request_id", "at most 255 bytes"),
    ],
)
def test_a_message_over_its_limits_is_refused_with_field_and_limit(make, field, limit):
    with pytest.raises(InvalidField) as refused:
        make()
    assert refused.value.field == field
    assert limit in refused.value.limit


def test_messages_at_their_limits_are_sent():
    an_email("x" * 255, subject="x" * 1024, text="x" * MAX_BODY_BYTES)
    an_sms("x" * 255, text="☎" * MAX_SMS_CHARACTERS)


def test_a_possible_duplicate_says_so_first():
    assert an_email(text="Look.").marked_possible_duplicate().text_body == f"{POSSIBLE_DUPLICATE_LINE}\n\nLook."
    assert an_sms(text="Look.").marked_possible_duplicate().text == f"{POSSIBLE_DUPLICATE_PREFIX}Look."


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40), st.integers(790, 1700))
def test_marking_keeps_within_the_limits_however_long_the_page(letters, times):
    text = ("x" + letters) * times
    marked = an_sms(text=text[:MAX_SMS_CHARACTERS]).marked_possible_duplicate()
    assert marked.text.startswith(POSSIBLE_DUPLICATE_PREFIX)
    assert len(marked.text) <= MAX_SMS_CHARACTERS
    body = text.encode()[:MAX_BODY_BYTES].decode(errors="ignore")
    email = an_email(text=body).marked_possible_duplicate()
    assert len(email.text_body.encode()) <= MAX_BODY_BYTES
    assert email.text_body.startswith(POSSIBLE_DUPLICATE_LINE)


def test_a_text_that_had_to_give_way_ends_with_a_mark():
    assert an_sms(text="x" * MAX_SMS_CHARACTERS).marked_possible_duplicate().text.endswith("x…")
    assert an_email(text="é" * (MAX_BODY_BYTES // 2)).marked_possible_duplicate().text_body.endswith("é…")


def test_the_fingerprint_tells_messages_apart():
    messages = [
        an_email(),
        an_email(to="ben@example.com"),
        an_email(subject="other"),
        an_email(text="other"),
        an_email("page-2"),
        an_sms(),
        an_sms(to="+4915112345679"),
        an_sms(text="other"),
    ]
    assert len({message.fingerprint for message in messages}) == len(messages)
    assert an_email().fingerprint == an_email().fingerprint


def test_what_a_provider_says_is_kept_without_the_recipient():
    assert ANA not in an_email().without_recipient("550 <Ana@Example.COM> no such user").lower()
    assert an_sms().without_recipient("The number +4915112345678 (4915112345678) is bad") == (
        "The number …78 (…78) is bad"
    )
