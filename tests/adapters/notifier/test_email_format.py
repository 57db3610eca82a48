"""The short way to the bytes of an e-mail is held against the email package, which takes the long one."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage as MimeMessage
from email.utils import format_datetime

import pytest
from fakes.notifier_builders import NOON, an_email
from hypothesis import example, given
from hypothesis import strategies as st

from pager_domain.errors import InvalidField
from pager_domain.kernel import EmailAddress
from pager_domain.notifier.messages import EmailMessage
from pager_grpc.notifier.email_format import email_bytes, safe_name

PAGER = EmailAddress("pager@pager.example")
WORDS = st.lists(st.from_regex(r"[!-~]{1,90}", fullmatch=True), min_size=1, max_size=30).map(" ".join)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300) | st.text(
    st.sampled_from("ab .=?_\t\r\n-:;,<>()\"'é☎"), min_size=1, max_size=1200
)
LOCAL = st.text(st.sampled_from("ab.9!#$%&'*+/=?^_`{|}~-"), min_size=1, max_size=64)
DOMAIN = st.lists(st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True), min_size=1, max_size=6)


def composed(message: EmailMessage) -> bytes:
    """As the email package writes it."""
    mime = MimeMessage(policy=policy.SMTP)
    mime["From"] = PAGER.value
    mime["To"] = message.address.value
    mime["Subject"] = " ".join(message.subject.split())
    mime["Date"] = format_datetime(NOON)
    mime["Message-ID"] = f"<{safe_name(message.delivery_id)}@pager.example>"
    mime["Auto-Submitted"] = "auto-generated"
    plain = message.text_body.isascii() and max(map(len, message.text_body.splitlines()), default=0) <= 998
    mime.set_content(message.text_body, charset="utf-8", cte="7bit" if plain else "quoted-printable")
    return mime.as_bytes()


def head_of(content: bytes) -> bytes:
    return content.partition(b"\r\n\r\n")[0]


def with_plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def the_message(
    subject: str, text: str, to: str = "ana@example.com", delivery_id: str = "page-1"
) -> EmailMessage | None:
    try:
        return an_email(delivery_id, to=to, subject=subject, text=text)
    except InvalidField:
        return None


@given(TEXTS, TEXTS)
@example("[error] checkout: card payments fail", "Please look.\n\n.\n..\nend")
@example("x" * 69, "x" * 998)
@example("x" * 70, "x" * 999)
@example("=?utf-8?q?hello?=", "a\rb\r\nc\n\n")
def test_words_are_written_as_the_email_package_writes_them(subject, text):
    if (message := the_message(subject, text)) is not None:
        written, long_way = email_bytes(message, PAGER, NOON), composed(message)
        assert head_of(written) == head_of(long_way)
        if b": 7bit" in head_of(written):
            assert written == long_way


@given(WORDS)
@example(f"{'x' * 69} {'y' * 77} z {'x' * 75}")
@example(f"{'x' * 70} {'y' * 76} {'z' * 78}")
@example(f"[CRITICAL] {'x' * 60}: {'y' * 5} {'z' * 78}")
def test_long_subjects_are_folded_as_the_email_package_folds_them(subject):
    if (message := the_message(subject, "t")) is not None:
        assert email_bytes(message, PAGER, NOON) == composed(message)


@given(LOCAL, DOMAIN, st.text(st.sampled_from("ab1-_.é /"), min_size=1, max_size=120))
def test_addresses_and_ids_are_written_as_the_email_package_writes_them(local, domain, delivery_id):
    if (message := the_message("s", "t", f"{local}@{'.'.join(domain)}", delivery_id)) is not None:
        assert email_bytes(message, PAGER, NOON) == composed(message)


@given(TEXTS, TEXTS)
def test_a_reader_finds_one_subject_and_one_text(subject, text):
    if (message := the_message(subject, text)) is None:
        return
    read = message_from_bytes(email_bytes(message, PAGER, NOON), policy=policy.default)
    assert read.keys() == [
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
        *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
    ]
    assert read["To"] == "ana@example.com"
    assert with_plain_ends(read.get_content()) == with_plain_ends(text)


@given(TEXTS)
@example("ä" * 5000)
@example("x" * 999 + " \n \n.\nFrom ana\n=20\n\tä \n")
def test_no_line_is_too_long_for_a_mail_server_and_each_ends_alike(text):
    if (message := the_message("s", text)) is not None:
        lines = email_bytes(message, PAGER, NOON).split(b"\r\n")
        assert lines[-1] == b""
        assert max(map(len, lines)) <= 998
        assert not any(b"\r" in line or b"\n" in line for line in lines)
        assert all(line.isascii() for line in lines)


@pytest.mark.parametrize("moment", [datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), NOON])
def test_the_moment_is_that_of_the_attempt(moment):
    read = message_from_bytes(email_bytes(an_email(), PAGER, moment), policy=policy.default)
    assert read["Date"].datetime == moment.replace(microsecond=0)
