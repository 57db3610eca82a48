"""The parsers of foreign bytes. Each takes any bytes at all and may refuse them, in the way that its caller expects.

Whatever else it raises, and whatever it takes without an end, is a fault.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx
from fakes.policy_store import FakePolicyStore
from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp
from sealed import SEALING

from pager_cli.configuration_file import read_configuration, written_configuration
from pager_cli.durations import parse_duration, written_duration
from pager_cli.moments import parse_moment
from pager_cli.policy_file import PolicyFileFaults
from pager_domain.access.keys import presented_key
from pager_domain.errors import DomainError, InvalidField
from pager_domain.kernel import EmailAddress, PhoneNumber
from pager_domain.policy.on_call_application import OnCallApplicationService
from pager_grpc.access.jwks import JwksUnreadable, _keys_in
from pager_grpc.access.wire import grant_of
from pager_grpc.changes import wire as changes_wire
from pager_grpc.gen.access.v1 import access_service_pb2 as access_pb
from pager_grpc.gen.changes.v1 import change_log_service_pb2 as changes_pb
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as notifier_pb
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pager_pb
from pager_grpc.gen.policy.v1 import configuration_service_pb2 as configuration_pb
from pager_grpc.gen.policy.v1 import people_service_pb2 as people_pb
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.gen.policy.v1 import schedule_service_pb2 as schedule_pb
from pager_grpc.notifier import wire as notifier_wire
from pager_grpc.notifier.sms_http import _answer_of
from pager_grpc.notifier.smtp_replies import SmtpReplies
from pager_grpc.notifier.smtp_server import SmtpServer
from pager_grpc.pager import wire as pager_wire
from pager_grpc.pager import wire_interventions, wire_maintenance, wire_preview
from pager_grpc.pager.escalation_policies_grpc import _answer as answer_of_policy
from pager_grpc.policy import configuration_wire, people_wire, resolution_wire, schedule_wire, wire
from pager_grpc.policy.calendars_http import _calendar
from pager_grpc.runtime.config import _address, _database_url
from pager_grpc.runtime.page_tokens import decode_token
from pager_grpc.runtime.pages_http import NoPage, Page, _Endpoint
from pager_grpc.runtime.trace_context import checked_traceparent

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
WIRE: Sequence[tuple[type[Any], Callable[[Any], object]]] = (
    (pager_pb.RaiseAlertRequest, pager_wire.raise_alert_of),
    (pager_pb.RaiseAlertsRequest, pager_wire.raise_alerts_of),
    (pager_pb.AcknowledgeRequest, pager_wire.acknowledge_of),
    (pager_pb.MarkHealthyRequest, pager_wire.mark_healthy_of),
    (pager_pb.SnoozeIncidentRequest, wire_interventions.snooze_of),
    (pager_pb.EscalateIncidentRequest, wire_interventions.escalation_of),
    (pager_pb.ReassignIncidentRequest, wire_interventions.reassignment_of),
    (pager_pb.MaintenanceWindow, lambda message: wire_maintenance.window_of(message, "w")),
    (pager_pb.PreviewEscalationRequest, lambda message: wire_preview.preview_request_of(message, NOW)),
    (Timestamp, lambda message: pager_wire.moment_of("occur_time", message)),
    (policy_pb.EscalationPolicy, wire.definition_from),
    (policy_pb.ResolveEscalationRequest, resolution_wire.question_from),
    (policy_pb.BatchResolveEscalationsResponse.Result, answer_of_policy),
    (people_pb.Person, people_wire.definition_from),
    (people_pb.VerifyContactMethodRequest, people_wire.code_from),
    (schedule_pb.Schedule, schedule_wire.definition_from),
    (schedule_pb.Override, schedule_wire.override_from),
    (schedule_pb.ShiftSwap, schedule_wire.shift_swap_from),
    (configuration_pb.ApplyConfigurationRequest, configuration_wire.configuration_from),
    (notifier_pb.SendEmailRequest, notifier_wire.email_from),
    (notifier_pb.SendSmsRequest, notifier_wire.sms_from),
    (notifier_pb.SendMessagesRequest, lambda message: list(notifier_wire.messages_from(message))),
    (notifier_pb.SendMessagesRequest, notifier_wire.timeout_from),
    (access_pb.ApiKey, grant_of),
    (changes_pb.ListChangeRecordsRequest, changes_wire.asked_from),
)
"""Messages that come from outside, and what makes values of them."""


def wire_messages(data: bytes) -> None:
    """The first byte chooses the message."""
    kind, read = WIRE[data[0] % len(WIRE)] if data else WIRE[0]
    with suppress(DecodeError, DomainError):
        read(kind.FromString(data[1:]))


def durations(data: bytes) -> None:
    """What is read is written so that it is read again."""
    with suppress(ValueError):
        read = parse_duration(_text(data))
        assert parse_duration(written_duration(read)) == read


def moments(data: bytes) -> None:
    """Moments of the command line."""
    with suppress(ValueError):
        assert parse_moment(_text(data), NOW).tzinfo is UTC


def configurations(data: bytes) -> None:
    """What is read is written so that it is read again."""
    with suppress(PolicyFileFaults):
        read = read_configuration(_text(data))
        assert read_configuration(written_configuration(read)) == read


def page_tokens(data: bytes) -> None:
    """Keys of every list."""
    for kinds in ((str,), (int,), (int, str), (str, int, int)):
        with suppress(InvalidField):
            decode_token("page_token", _text(data), *kinds)


def settings(data: bytes) -> None:
    """URLs and addresses of the configuration."""
    for read in (_address, _database_url, SmtpServer.from_url):
        with suppress(ValueError):
            read(_text(data))


def smtp_replies(data: bytes) -> None:
    """What a mail server says, in pieces; a talker without end is lost, not remembered."""
    replies = SmtpReplies()
    size = data[0] + 1 if data else 1
    for start in range(0, len(data), size):
        replies.data_received(data[start : start + size])
    replies.data_received(b"y" * 65_537)
    assert replies.lost


def sms_answers(data: bytes) -> None:
    """What a gateway answers: a status, Retry-After, and a body."""
    status, header, body = (data[:1] or b"\0")[0], data[1:20], data[20:]
    response = httpx.Response(100 + 2 * status, headers=[(b"Retry-After", header)])
    _answer_of(response, body, NOW)


def http_heads(data: bytes) -> None:
    """What a browser, or somebody else, sends to the pages of a room."""

    async def pages(path: str) -> Page | NoPage:
        return Page("text/plain", b"here") if path == "/metrics" else NoPage("not here")

    answer = asyncio.run(_Endpoint(pages, "pages")._response_to(data))
    assert answer.startswith(b"HTTP/1.1 ")


def calendar_paths(data: bytes) -> None:
    """Paths of calendars."""
    on_call = OnCallApplicationService(FakePolicyStore())
    with suppress(DomainError, UnicodeDecodeError):
        asyncio.run(_calendar(on_call, data.decode("ascii", "replace")))


def credentials(data: bytes) -> None:
    """Keys of callers, keys of an issuer, sealed addresses, traces."""
    text = _text(data)
    presented_key(text)
    SEALING._opened(text)
    assert checked_traceparent(text) in {"", text} or len(checked_traceparent(text)) == 55
    with suppress(JwksUnreadable):
        _keys_in(text)


def addresses(data: bytes) -> None:
    """What is taken as an address holds nothing that could end a line of a protocol."""
    for kind in (EmailAddress, PhoneNumber):
        with suppress(InvalidField):
            assert kind(_text(data)).value.isprintable()
            assert " " not in _text(data)


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        wire_messages,
        durations,
        moments,
        configurations,
        page_tokens,
        settings,
        smtp_replies,
        sms_answers,
        http_heads,
        calendar_paths,
        credentials,
        addresses,
    )
}


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
