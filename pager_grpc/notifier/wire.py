"""Between ``notifier.v1`` and the notifier room's values, both ways."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from pager_domain.errors import DomainError, InvalidField
from pager_domain.kernel import EmailAddress, PhoneNumber, checked_id
from pager_domain.notifier.application import Page
from pager_domain.notifier.messages import Channel, EmailMessage, SmsMessage
from pager_domain.notifier.model import Delivery, DeliveryState
from pager_domain.notifier.ports.delivery_ledger import LedgerPosition
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as pb
from pager_grpc.runtime.clock import EPOCH
from pager_grpc.runtime.errors import INTERNAL_TEXT, ErrorTable
from pager_grpc.runtime.page_tokens import decode_token, encode_token

MAX_MESSAGES = 100
DEFAULT_TIMEOUT_SECONDS = 5.0
MAX_TIMEOUT_SECONDS = 86_400.0
_MICROSECOND = timedelta(microseconds=1)
_LONGEST_SECONDS = 10**9

_CHANNELS = {Channel.EMAIL: pb.Delivery.CHANNEL_EMAIL, Channel.SMS: pb.Delivery.CHANNEL_SMS}
_STATES = {
    DeliveryState.SENDING: pb.Delivery.STATE_SENDING,
    DeliveryState.ACCEPTED: pb.Delivery.STATE_ACCEPTED,
    DeliveryState.REFUSED: pb.Delivery.STATE_REFUSED,
    DeliveryState.DEFERRED: pb.Delivery.STATE_DEFERRED,
    DeliveryState.IN_DOUBT: pb.Delivery.STATE_IN_DOUBT,
    DeliveryState.UNKNOWN: pb.Delivery.STATE_UNKNOWN,
}
_STATES_BY_NUMBER: dict[int, DeliveryState] = {number: state for state, number in _STATES.items()}


def email_from(request: pb.SendEmailRequest) -> EmailMessage:
    """The e-mail of a request."""
    return EmailMessage(request.request_id, EmailAddress(request.email_address), request.subject, request.text_body)


def sms_from(request: pb.SendSmsRequest) -> SmsMessage:
    """The text message of a request."""
    return SmsMessage(request.request_id, PhoneNumber(request.phone_number), request.text)


def since_first_attempt_from(request: pb.SendEmailRequest | pb.SendSmsRequest) -> timedelta:
    """How long ago the caller may first have asked; what makes no sense counts as the nearest that does."""
    return timedelta(seconds=min(max(request.since_first_attempt.seconds, 0), _LONGEST_SECONDS))


def messages_from(request: pb.SendMessagesRequest) -> Iterable[pb.SendMessagesRequest.Message]:
    """The messages of one request, each an e-mail or a text message."""
    messages = request.messages
    if not 1 <= len(messages) <= MAX_MESSAGES:
        raise InvalidField("messages", f"must be 1 to {MAX_MESSAGES}")
    if any(message.WhichOneof("content") is None for message in messages):
        raise InvalidField("messages", "must each have an email or an sms")
    return messages


def request_id_of(message: pb.SendMessagesRequest.Message) -> str:
    """What the result of a message is known by."""
    return message.email.request_id if message.WhichOneof("content") == "email" else message.sms.request_id


def timeout_from(request: pb.SendMessagesRequest) -> float:
    """The seconds that a caller of a stream waits for each of these messages."""
    if not request.HasField("timeout"):
        return DEFAULT_TIMEOUT_SECONDS
    seconds = request.timeout.seconds + request.timeout.nanos / 1e9
    if not 0 < seconds <= MAX_TIMEOUT_SECONDS:
        raise InvalidField("timeout", "must be more than 0 seconds and at most 24 hours")
    return seconds


def result_to(request_id: str, outcome: Delivery | BaseException, errors: ErrorTable) -> pb.SendMessagesResponse.Result:
    """What became of one message of a stream; nothing unplanned leaks."""
    if isinstance(outcome, Delivery):
        return pb.SendMessagesResponse.Result(request_id=request_id, delivery=delivery_to(outcome))
    if not isinstance(outcome, DomainError) or type(outcome) not in errors:
        return pb.SendMessagesResponse.Result(request_id=request_id, error_message=INTERNAL_TEXT)
    _, reason = errors[type(outcome)]
    result = pb.SendMessagesResponse.Result(
        request_id=request_id,
        error_reason=pb.ErrorReason.Value(reason),
        error_message=str(outcome),
        provider_answer=outcome.metadata.get("provider_answer", ""),
    )
    retry_after: timedelta | None = getattr(outcome, "retry_after", None)
    if retry_after is not None:
        result.retry_after.FromTimedelta(retry_after)
    return result


def delivery_id_from(delivery_id: str) -> str:
    """The delivery that a request names."""
    return checked_id("delivery_id", delivery_id)


def states_from(states: Iterable[int]) -> frozenset[DeliveryState]:
    """The states that a request filters by."""
    try:
        return frozenset(_STATES_BY_NUMBER[state] for state in states)
    except KeyError:
        raise InvalidField("states", "must be states that this server knows, not STATE_UNSPECIFIED") from None


def position_from(page_token: str) -> LedgerPosition | None:
    """Where the page before ended; None to begin."""
    key = decode_token("page_token", page_token, int, str)
    if key is None:
        return None
    try:
        return LedgerPosition(EPOCH + int(key[0]) * _MICROSECOND, checked_id("page_token", str(key[1])))
    except (ValueError, OverflowError):  # a made-up token
        raise InvalidField("page_token", "must be a token of an earlier answer") from None


def page_to(page: Page) -> pb.ListDeliveriesResponse:
    """A page of the ledger."""
    token = ""
    if page.next_position is not None:
        moment = (page.next_position.create_time - EPOCH) // _MICROSECOND
        token = encode_token(moment, page.next_position.delivery_id)
    return pb.ListDeliveriesResponse(deliveries=map(delivery_to, page.deliveries), next_page_token=token)


def delivery_to(delivery: Delivery) -> pb.Delivery:
    """One line of the ledger."""
    return pb.Delivery(
        delivery_id=delivery.delivery_id,
        channel=_CHANNELS[delivery.channel],
        state=_STATES[delivery.state],
        recipient_hint=delivery.recipient_hint,
        provider=delivery.provider,
        provider_message_id=delivery.provider_message_id,
        attempt_count=delivery.attempt_count,
        doubt_count=delivery.doubt_count,
        provider_answer=delivery.provider_answer,
        create_time=_timestamp_to(delivery.create_time),
        update_time=_timestamp_to(delivery.update_time),
    )


def _timestamp_to(moment: datetime) -> Timestamp:
    # The library's own way takes ten times as long.
    span = moment - EPOCH
    return Timestamp(seconds=span.days * 86_400 + span.seconds, nanos=span.microseconds * 1000)
