"""``notifier.v1.NotifierService``: request to values, use case, response."""

# ruff: noqa: N802 - the contract names the methods

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import Any

from pager_domain.errors import StoreUnavailable
from pager_domain.notifier.application import NotifierApplicationService, Remaining
from pager_domain.notifier.model import Delivery
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as pb
from pager_grpc.gen.notifier.v1 import notifier_service_pb2_grpc as pb_grpc
from pager_grpc.notifier import wire
from pager_grpc.notifier.attempts import RunningAttempts, ToldAttempts
from pager_grpc.notifier.message_stream import Attempt, MessageStream
from pager_grpc.notifier.patience import Patience
from pager_grpc.runtime.page_tokens import page_size_of
from pager_grpc.runtime.trace_context import checked_traceparent, followed_traceparent
from pager_grpc.runtime.tracing import Tracing

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["NotifierService"].full_name

# A caller without a deadline waits for ever; a day is as good and adds up.
_NO_DEADLINE_SECONDS = 86_400.0


class NotifierServicer(pb_grpc.NotifierServiceServicer):
    """Domain errors pass through; the server's boundary writes them."""

    def __init__(
        self, application: NotifierApplicationService, attempts: RunningAttempts, tracing: Tracing | None = None
    ) -> None:
        self._application = application
        self._attempts = attempts
        self._told = ToldAttempts(tracing).told
        self._streams: set[MessageStream] = set()
        self._closing = False

    def close(self) -> None:
        """The room is about to leave: streams are read no further and end when their messages have."""
        self._closing = True
        for stream in self._streams:
            stream.close()

    async def SendEmail(self, request: pb.SendEmailRequest, context: Any) -> pb.SendEmailResponse:
        """OK once a mail server took it."""
        patience = _patience_of(context)
        attempt = self._email(request, patience.left, followed_traceparent())
        delivery = await self._outcome(attempt, patience)
        return pb.SendEmailResponse(delivery=wire.delivery_to(delivery))

    async def SendSms(self, request: pb.SendSmsRequest, context: Any) -> pb.SendSmsResponse:
        """OK once a gateway took it."""
        patience = _patience_of(context)
        attempt = self._sms(request, patience.left, followed_traceparent())
        delivery = await self._outcome(attempt, patience)
        return pb.SendSmsResponse(delivery=wire.delivery_to(delivery))

    async def SendMessages(
        self, request_iterator: AsyncIterator[pb.SendMessagesRequest], context: Any
    ) -> AsyncIterator[pb.SendMessagesResponse]:
        """Many messages; each is told of when it has ended."""
        if self._closing:
            raise StoreUnavailable
        stream = MessageStream(self._attempt_of, self._attempts)
        self._streams.add(stream)
        try:
            async with aclosing(stream.responses(request_iterator)) as responses:
                async for response in responses:
                    yield response
        finally:
            self._streams.discard(stream)

    async def GetDelivery(self, request: pb.GetDeliveryRequest, context: Any) -> pb.GetDeliveryResponse:
        """One line of the ledger."""
        delivery = await self._application.get(wire.delivery_id_from(request.delivery_id))
        return pb.GetDeliveryResponse(delivery=wire.delivery_to(delivery))

    async def ListDeliveries(self, request: pb.ListDeliveriesRequest, context: Any) -> pb.ListDeliveriesResponse:
        """A page of the ledger."""
        page_size = page_size_of(request.page_size)
        states, position = wire.states_from(request.states), wire.position_from(request.page_token)
        return wire.page_to(await self._application.newest(states, page_size, position))

    def _attempt_of(self, message: pb.SendMessagesRequest.Message, remaining: Remaining) -> Attempt:
        traceparent = checked_traceparent(message.traceparent)
        if message.WhichOneof("content") == "email":
            return self._email(message.email, remaining, traceparent)
        return self._sms(message.sms, remaining, traceparent)

    def _email(self, request: pb.SendEmailRequest, remaining: Remaining, traceparent: str) -> Attempt:
        message, since_first = wire.email_from(request), wire.since_first_attempt_from(request)
        send = partial(self._application.send_email, message, request.fencing_token, remaining, since_first)
        return self._told(request, send, traceparent)

    def _sms(self, request: pb.SendSmsRequest, remaining: Remaining, traceparent: str) -> Attempt:
        message, since_first = wire.sms_from(request), wire.since_first_attempt_from(request)
        send = partial(self._application.send_sms, message, request.fencing_token, remaining, since_first)
        return self._told(request, send, traceparent)

    async def _outcome(self, attempt: Attempt, patience: Patience) -> Delivery:
        """The end of an attempt. A provider that was called is heard out; for a caller that has gone none is called."""
        try:
            return await self._attempts.run(attempt)
        except asyncio.CancelledError:
            patience.end()
            raise


def _patience_of(context: Any) -> Patience:
    remaining = context.time_remaining()
    return Patience(_NO_DEADLINE_SECONDS if remaining is None else min(remaining, _NO_DEADLINE_SECONDS))
