"""VerificationSender kept by the generated stub of the notifier."""

from typing import Any

import grpc
import structlog

from pager_domain.kernel import EmailAddress
from pager_domain.policy.people import Address
from pager_domain.policy.ports.verification_sender import SendOutcome, VerificationSender
from pager_domain.policy.verification import VerificationMessage
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as pb
from pager_grpc.gen.notifier.v1 import notifier_service_pb2_grpc as pb_grpc
from pager_grpc.runtime.errors import RpcFault, fault_of
from pager_grpc.runtime.trace_context import outgoing_metadata

log = structlog.get_logger()

ATTEMPT_SECONDS = 5.0
REPEAT_SECONDS = 3.0
"""Longer than a channel waits before it connects again; whoever asked for the code is waiting too."""
_REFUSED = {pb.ErrorReason.Name(reason) for reason in (pb.ERROR_REASON_MESSAGE_REFUSED, pb.ERROR_REASON_INVALID_FIELD)}


class GrpcVerificationSender(VerificationSender):
    """One unary call a code, repeated once, under the same id, when the connection was lost or none could be made."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = pb_grpc.NotifierServiceStub(channel)

    async def send(self, address: Address, message: VerificationMessage, request_id: str) -> SendOutcome:
        """SENT when the notifier says so; what goes wrong is logged without address and words."""
        fault = await self._attempt(address, message, request_id, timeout=ATTEMPT_SECONDS)
        if fault is not None and _connection_lost(fault):
            fault = await self._attempt(address, message, request_id, timeout=REPEAT_SECONDS, wait_for_ready=True)
        if fault is None:
            return SendOutcome.SENT
        log.warning("code_not_sent", request_id=request_id, code=fault.code.name, reason=fault.reason)
        return SendOutcome.REFUSED if fault.reason in _REFUSED else SendOutcome.NOT_SENT

    async def _attempt(
        self, address: Address, message: VerificationMessage, request_id: str, **options: Any
    ) -> RpcFault | None:
        try:
            if isinstance(address, EmailAddress):
                email = pb.SendEmailRequest(
                    email_address=address.value, subject=message.subject, text_body=message.text, request_id=request_id
                )
                await self._stub.SendEmail(email, metadata=outgoing_metadata(), **options)
            else:
                sms = pb.SendSmsRequest(phone_number=address.value, text=message.text, request_id=request_id)
                await self._stub.SendSms(sms, metadata=outgoing_metadata(), **options)
        except grpc.aio.AioRpcError as error:
            return fault_of(error)
        return None


def _connection_lost(fault: RpcFault) -> bool:
    """An answer of the notifier names a reason; UNAVAILABLE without one comes from the library."""
    return fault.code is grpc.StatusCode.UNAVAILABLE and not fault.reason
