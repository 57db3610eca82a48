"""EmailSender and SmsSender kept by the generated stub of the notifier."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import grpc
import structlog
from google.protobuf.duration_pb2 import Duration

from pager_domain.kernel import EmailAddress, PhoneNumber
from pager_domain.pager.events import NotificationId
from pager_domain.pager.ports.email_sender import EmailSender, FateUnknown, HandedOff, HandOff, NotNow, Refused
from pager_domain.pager.ports.sms_sender import SmsSender
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as pb
from pager_grpc.gen.notifier.v1 import notifier_service_pb2_grpc as pb_grpc
from pager_grpc.runtime.errors import RpcFault, fault_of

log = structlog.get_logger()

DEADLINE_SECONDS = 5.0
"""Shorter than the lease of a page, so that nobody else sends it meanwhile."""

_REFUSED = {pb.ErrorReason.Name(reason) for reason in (pb.ERROR_REASON_MESSAGE_REFUSED, pb.ERROR_REASON_INVALID_FIELD)}
_FATE_UNKNOWN = pb.ErrorReason.Name(pb.ERROR_REASON_DELIVERY_FATE_UNKNOWN)
_ID_REUSED = pb.ErrorReason.Name(pb.ERROR_REASON_REQUEST_ID_REUSED)


class GrpcNotificationSenders(EmailSender, SmsSender):
    """Hands pages to the notifier with the page's id as the request id; retries are the outbox's alone."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = pb_grpc.NotifierServiceStub(channel)

    async def send_email(
        self,
        address: EmailAddress,
        subject: str,
        body: str,
        notification_id: NotificationId,
        fencing_token: int,
        since_first_attempt: timedelta = timedelta(),
    ) -> HandOff:
        """One attempt."""
        request = pb.SendEmailRequest(
            email_address=address.value,
            subject=subject,
            text_body=body,
            fencing_token=fencing_token,
            since_first_attempt=_duration(since_first_attempt),
            request_id=notification_id,
        )
        return await _handed(self._stub.SendEmail(request, timeout=DEADLINE_SECONDS), notification_id)

    async def send_sms(
        self,
        number: PhoneNumber,
        text: str,
        notification_id: NotificationId,
        fencing_token: int,
        since_first_attempt: timedelta = timedelta(),
    ) -> HandOff:
        """One attempt."""
        request = pb.SendSmsRequest(
            phone_number=number.value,
            text=text,
            fencing_token=fencing_token,
            since_first_attempt=_duration(since_first_attempt),
            request_id=notification_id,
        )
        return await _handed(self._stub.SendSms(request, timeout=DEADLINE_SECONDS), notification_id)


async def _handed(call: Awaitable[Any], notification_id: NotificationId) -> HandOff:
    try:
        delivery: pb.Delivery = (await call).delivery
    except grpc.aio.AioRpcError as error:
        fault = fault_of(error)
        log.warning("hand_off_failed", notification_id=notification_id, code=fault.code.name, reason=fault.reason)
        return hand_off_of(fault)
    if delivery.delivery_id != notification_id:
        return NotNow("the notifier's answer makes no sense")
    provider, message_id = _line(delivery.provider), _line(delivery.provider_message_id)
    return HandedOff(provider, message_id, possibly_duplicated=delivery.doubt_count > 0)


def hand_off_of(fault: RpcFault) -> HandOff:
    """What a failed call means for the page. Whatever is not surely final is tried again under the same id."""
    said = _line(fault.metadata.get("provider_answer") or fault.message or fault.code.name)
    if fault.reason in _REFUSED:
        return Refused(said)
    if fault.reason == _FATE_UNKNOWN:
        return FateUnknown(said)
    if fault.reason == _ID_REUSED:
        # The ledger knows this page with other words: it was sent, or is being sent, by another version of this code.
        return FateUnknown(said)
    # An answer of ours names a reason; UNAVAILABLE without one comes from the library: nobody is there.
    reached = bool(fault.reason) or fault.code is not grpc.StatusCode.UNAVAILABLE
    return NotNow(said, fault.retry_after, reached)


def _duration(span: timedelta) -> Duration | None:
    return Duration(seconds=span // timedelta(seconds=1)) if span else None


def _line(said: str) -> str:
    """What another server said, as a timeline can keep it: one line, no control characters, not endless."""
    return "".join(sign if sign.isprintable() else " " for sign in said[:500])
