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
WORDS = st.lists(st.from_regex(r"[!->@-~]{1,77}", fullmatch=True), min_size=1, max_size=30).map(" ".join)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300) | st.text(
    st.sampled_from("ab .=?_\t\r\n-:;,<>()\"'é☎"), min_size=1, max_size=1200
)
# What a reader of headers would make line ends, NUL and other headers of, once and twice encoded.
TRICKS = st.lists(
    st.sampled_from(
        [
            "=?utf-8?q?=0D=0ABcc:_evil=40example.com=0D=0A=0D=0Aall_is_well?=",
            "=?utf-8?q?=3D=3Futf-8=3Fq=3F=3D0D=3D0A=3F=3D?=",
            *("=?utf-8?b?Cg==?=", "=?utf-8?q?=00?=", "=?", "?=", " ", "down", "é", "x" * 80),
        ]
    ),
    min_size=1,
    max_size=8,
).map("".join)
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


@given(TEXTS)
@example("Please look.\n\n.\n..\nend")
@example("x" * 998)
@example("x" * 999)
@example("a\rb\r\nc\n\n")
def test_texts_are_written_as_the_email_package_writes_them(text):
    if (message := the_message("[error] checkout: card payments fail", text)) is not None:
        written, long_way = email_bytes(message, PAGER, NOON), composed(message)
        assert head_of(written) == head_of(long_way)
        if b": 7bit" in head_of(written):
            assert written == long_way


@given(WORDS)
@example("x" * 69)
@example(f"{'x' * 69} {'y' * 77} z {'x' * 75}")
@example(f"{'x' * 70} {'y' * 76} {'z' * 77}")
@example(f"[CRITICAL] {'x' * 60}: {'y' * 5} {'z' * 77}")
def test_long_subjects_are_folded_as_the_email_package_folds_them(subject):
    if (message := the_message(subject, "t")) is not None:
        assert email_bytes(message, PAGER, NOON) == composed(message)


@given(LOCAL, DOMAIN, st.text(st.sampled_from("ab1-_.é /"), min_size=1, max_size=120))
@example("=?utf-8?q?a=0D=0ABcc=3A_evil=40evil.example?=", ["example", "com"], "page-1")
def test_addresses_and_ids_are_written_as_they_are(local, domain, delivery_id):
    address = f"{local}@{'.'.join(domain)}"
    if (message := the_message("s", "t", address, delivery_id)) is not None:
        lines = email_bytes(message, PAGER, NOON).decode().split("\r\n")
        assert f"To: {address}" in lines
        assert f"Message-ID: <{safe_name(delivery_id)}@pager.example>" in lines


@given(TEXTS | TRICKS, TEXTS)
def test_a_reader_finds_one_subject_and_one_text(subject, text):
    if (message := the_message(subject, text)) is None:
        return
    read = message_from_bytes(email_bytes(message, PAGER, NOON), policy=policy.default)
    assert read.keys() == [
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
        *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
    ]
    assert read["To"] == "ana@example.com"
    assert read["Subject"] == " ".join(subject.split())
    assert with_plain_ends(read.get_content()) == with_plain_ends(text)


@given(TEXTS | TRICKS, TEXTS)
@example("s", "ä" * 5000)
@example("s", "x" * 999 + " \n \n.\nFrom ana\n=20\n\tä \n")
def test_no_line_is_too_long_for_a_mail_server_and_each_ends_alike(subject, text):
    if (message := the_message(subject, text)) is not None:
        lines = email_bytes(message, PAGER, NOON).split(b"\r\n")
        assert lines[-1] == b""
        assert max(map(len, lines)) <= 998
        assert not any(b"\r" in line or b"\n" in line for line in lines)
        assert all(line.isascii() and b"\0" not in line for line in lines)


@pytest.mark.parametrize("moment", [datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), NOON])
def test_the_moment_is_that_of_the_attempt(moment):
    read = message_from_bytes(email_bytes(an_email(), PAGER, moment), policy=policy.default)
    assert read["Date"].datetime == moment.replace(microsecond=0)
