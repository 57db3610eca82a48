"""Between ``notifier.v1`` and the notifier room's values, both ways."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from pager_domain.errors import InvalidField
from pager_domain.kernel import EmailAddress, PhoneNumber, checked_id
from pager_domain.notifier.application import Page
from pager_domain.notifier.messages import Channel, EmailMessage, SmsMessage
from pager_domain.notifier.model import Delivery, DeliveryState
from pager_domain.notifier.ports.delivery_ledger import LedgerPosition
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as pb
from pager_grpc.runtime.clock import EPOCH
from pager_grpc.runtime.page_tokens import decode_token, encode_token

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
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
