"""EmailSender and SmsSender kept by the generated stub of the notifier."""

import asyncio
from datetime import timedelta
from types import TracebackType
from typing import Self

import grpc
import structlog
from google.protobuf.duration_pb2 import Duration

from pager_domain.kernel import EmailAddress, PhoneNumber
from pager_domain.pager.events import NotificationId
from pager_domain.pager.ports.email_sender import EmailSender, FateUnknown, HandedOff, HandOff, NotNow, Refused
from pager_domain.pager.ports.sms_sender import SmsSender
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as pb
from pager_grpc.gen.notifier.v1 import notifier_service_pb2_grpc as pb_grpc
from pager_grpc.pager.message_stream_grpc import MessageStream
from pager_grpc.runtime.errors import RpcFault, fault_of
from pager_grpc.runtime.trace_context import followed_traceparent, outgoing_metadata

log = structlog.get_logger()

DEADLINE_SECONDS = 5.0
"""Shorter than the lease of a page, so that nobody else sends it meanwhile."""
LONGEST_STREAM_SECONDS = 20.0
"""So that it ends before the notifier ends it (``runtime/deadlines.py``), and pages reach other replicas in turn."""
_OLD_NOTIFIER_SECONDS = 60.0
"""How long a notifier that knows no stream is called page by page, before it is asked again."""

_REFUSED = {pb.ErrorReason.Name(reason) for reason in (pb.ERROR_REASON_MESSAGE_REFUSED, pb.ERROR_REASON_INVALID_FIELD)}
_FATE_UNKNOWN = pb.ErrorReason.Name(pb.ERROR_REASON_DELIVERY_FATE_UNKNOWN)
_ID_REUSED = pb.ErrorReason.Name(pb.ERROR_REASON_REQUEST_ID_REUSED)


class GrpcNotificationSenders(EmailSender, SmsSender):
    """Hands pages to the notifier with the page's id as the request id; retries are the outbox's alone.

    An async context manager that owns a stream, which concurrent calls share. After an answer that is not final the
    next pages go over a new one: with replicas a repeat must not always meet the same of them.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = pb_grpc.NotifierServiceStub(channel)
        self._stream: MessageStream | None = None
        self._streams: set[MessageStream] = set()
        self._unary_until = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        streams = list(self._streams)
        for stream in streams:
            stream.close()
        await asyncio.gather(*(stream.ended for stream in streams), return_exceptions=True)

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
        email = pb.SendEmailRequest(
            email_address=address.value,
            subject=subject,
            text_body=body,
            fencing_token=fencing_token,
            since_first_attempt=_duration(since_first_attempt),
            request_id=notification_id,
        )
        return await self._send(
            pb.SendMessagesRequest.Message(email=email, traceparent=followed_traceparent()), notification_id
        )

    async def send_sms(
        self,
        number: PhoneNumber,
        text: str,
        notification_id: NotificationId,
        fencing_token: int,
        since_first_attempt: timedelta = timedelta(),
    ) -> HandOff:
        """One attempt."""
        sms = pb.SendSmsRequest(
            phone_number=number.value,
            text=text,
            fencing_token=fencing_token,
            since_first_attempt=_duration(since_first_attempt),
            request_id=notification_id,
        )
        return await self._send(
            pb.SendMessagesRequest.Message(sms=sms, traceparent=followed_traceparent()), notification_id
        )

    async def _send(self, message: pb.SendMessagesRequest.Message, notification_id: NotificationId) -> HandOff:
        stream = self._stream_for(notification_id)
        answer = await self._sent_over(stream, message, notification_id) if stream is not None else None
        if answer is None:
            answer = await self._called(message)
        hand_off = _hand_off_of(answer, notification_id)
        if stream is not None and isinstance(hand_off, NotNow):
            stream.retire()
        return hand_off

    async def _sent_over(
        self, stream: MessageStream, message: pb.SendMessagesRequest.Message, notification_id: NotificationId
    ) -> pb.Delivery | RpcFault | None:
        """None if the notifier is older than the stream."""
        answer = await stream.send(notification_id, message)
        if isinstance(answer, RpcFault) and answer.code is grpc.StatusCode.UNIMPLEMENTED:
            self._unary_until = asyncio.get_running_loop().time() + _OLD_NOTIFIER_SECONDS
            return None
        return _answer_of(answer) if isinstance(answer, pb.SendMessagesResponse.Result) else answer

    async def _called(self, message: pb.SendMessagesRequest.Message) -> pb.Delivery | RpcFault:
        try:
            if message.HasField("email"):
                call = self._stub.SendEmail(message.email, timeout=DEADLINE_SECONDS, metadata=outgoing_metadata())
                return (await call).delivery
            sms_call = self._stub.SendSms(message.sms, timeout=DEADLINE_SECONDS, metadata=outgoing_metadata())
            return (await sms_call).delivery
        except grpc.aio.AioRpcError as error:
            return fault_of(error)

    def _stream_for(self, request_id: str) -> MessageStream | None:
        """None where only a call of its own is possible."""
        now = asyncio.get_running_loop().time()
        if now < self._unary_until:
            return None
        if self._stream is not None and now - self._stream.begun_at > LONGEST_STREAM_SECONDS:
            self._stream.retire()
        if self._stream is None or self._stream.retired:
            self._stream = stream = MessageStream(self._stub.SendMessages(), timedelta(seconds=DEADLINE_SECONDS))
            self._streams.add(stream)
            stream.ended.add_done_callback(lambda _: self._streams.discard(stream))
        return self._stream if self._stream.takes(request_id) else None


def _answer_of(result: pb.SendMessagesResponse.Result) -> pb.Delivery | RpcFault:
    if result.HasField("delivery"):
        return result.delivery
    # A reason that is newer than this code is none that it knows as final.
    known = pb.ErrorReason.values()
    reason = pb.ErrorReason.Name(result.error_reason) if result.error_reason in known else "ERROR_REASON_UNSPECIFIED"
    retry_after = result.retry_after.ToTimedelta() if result.HasField("retry_after") else None
    metadata = {"provider_answer": result.provider_answer}
    return RpcFault(grpc.StatusCode.UNKNOWN, result.error_message, reason, metadata, retry_after)


def _hand_off_of(answer: pb.Delivery | RpcFault, notification_id: NotificationId) -> HandOff:
    if isinstance(answer, RpcFault):
        code, reason = answer.code.name, answer.reason
        log.warning("hand_off_failed", notification_id=notification_id, code=code, reason=reason)
        return hand_off_of(answer)
    if answer.delivery_id != notification_id:
        return NotNow("the notifier's answer makes no sense")
    provider, message_id = _line(answer.provider), _line(answer.provider_message_id)
    return HandedOff(provider, message_id, possibly_duplicated=answer.doubt_count > 0)


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
    said = said[:500]
    return said if said.isprintable() else "".join(sign if sign.isprintable() else " " for sign in said)
