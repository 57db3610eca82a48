"""``notifier.v1.NotifierService``: request to values, use case, response."""

# ruff: noqa: N802 - the contract names the methods

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from pager_domain.notifier.application import NotifierApplicationService
from pager_domain.notifier.model import Delivery
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as pb
from pager_grpc.gen.notifier.v1 import notifier_service_pb2_grpc as pb_grpc
from pager_grpc.notifier import wire
from pager_grpc.notifier.attempts import RunningAttempts
from pager_grpc.runtime.page_tokens import page_size_of

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["NotifierService"].full_name

# A caller without a deadline waits for ever; a day is as good and adds up.
_NO_DEADLINE_SECONDS = 86_400.0


class NotifierServicer(pb_grpc.NotifierServiceServicer):
    """Domain errors pass through; the server's boundary writes them."""

    def __init__(self, application: NotifierApplicationService, attempts: RunningAttempts) -> None:
        self._application = application
        self._attempts = attempts

    async def SendEmail(self, request: pb.SendEmailRequest, context: Any) -> pb.SendEmailResponse:
        """OK once a mail server took it."""
        message = wire.email_from(request)
        patience = _Patience(context)
        since_first = wire.since_first_attempt_from(request)
        attempt = self._application.send_email(message, request.fencing_token, patience.left, since_first)
        return pb.SendEmailResponse(delivery=wire.delivery_to(await self._outcome(attempt, patience)))

    async def SendSms(self, request: pb.SendSmsRequest, context: Any) -> pb.SendSmsResponse:
        """OK once a gateway took it."""
        message = wire.sms_from(request)
        patience = _Patience(context)
        since_first = wire.since_first_attempt_from(request)
        attempt = self._application.send_sms(message, request.fencing_token, patience.left, since_first)
        return pb.SendSmsResponse(delivery=wire.delivery_to(await self._outcome(attempt, patience)))

    async def GetDelivery(self, request: pb.GetDeliveryRequest, context: Any) -> pb.GetDeliveryResponse:
        """One line of the ledger."""
        delivery = await self._application.get(wire.delivery_id_from(request.delivery_id))
        return pb.GetDeliveryResponse(delivery=wire.delivery_to(delivery))

    async def ListDeliveries(self, request: pb.ListDeliveriesRequest, context: Any) -> pb.ListDeliveriesResponse:
        """A page of the ledger."""
        page_size = page_size_of(request.page_size)
        states, position = wire.states_from(request.states), wire.position_from(request.page_token)
        return wire.page_to(await self._application.newest(states, page_size, position))

    async def _outcome(self, attempt: Coroutine[Any, Any, Delivery], patience: "_Patience") -> Delivery:
        """The end of an attempt. A provider that was called is heard out; for a caller that has gone none is called."""
        try:
            return await self._attempts.run(attempt)
        except asyncio.CancelledError:
            patience.end()
            raise


class _Patience:
    """How long the caller of ``context`` still waits.

    Taken once and then counted on the monotonic clock: the attempt may outlive the call and its context. The time that
    a request has left begins when it arrives; after a connection that hung, that is long after its caller gave up, and
    word of this comes right behind it.
    """

    def __init__(self, context: Any) -> None:
        self._loop = asyncio.get_running_loop()
        remaining = context.time_remaining()
        seconds = _NO_DEADLINE_SECONDS if remaining is None else min(remaining, _NO_DEADLINE_SECONDS)
        self._ends = self._loop.time() + seconds

    def left(self) -> timedelta:
        """Asked again when it matters."""
        return timedelta(seconds=self._ends - self._loop.time())

    def end(self) -> None:
        """The caller has gone."""
        self._ends = self._loop.time()
