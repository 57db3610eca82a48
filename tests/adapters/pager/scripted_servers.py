"""Small real servers in the place of policy and notifier."""

# ruff: noqa: N802 - the contracts name the methods

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from datetime import timedelta

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as notifier_pb
from pager_grpc.gen.notifier.v1 import notifier_service_pb2_grpc as notifier_grpc
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as policy_grpc


def a_wire_level(number: int, *, people: int = 2, seconds: float = 1) -> policy_pb.ResolvedLevel:
    """``people`` by e-mail, who have ``seconds`` to acknowledge."""
    level = policy_pb.ResolvedLevel(
        acknowledgement_timeout=Duration(nanos=int(seconds % 1 * 1e9), seconds=int(seconds))
    )
    for person in range(1, people + 1):
        name = f"person-{number}-{person}"
        step = policy_pb.ResolvedStep(email=policy_pb.EmailTarget(email_address=f"{name}@example.com"))
        level.targets.add(target_id=name, high_urgency_rule=policy_pb.ResolvedRule(steps=[step]))
    return level


def a_wire_person(name: str, *steps: tuple[float, str], every: float | None = None, low=(), **more: str):
    """A person as the target ``primary``: pages after so many seconds to an address, the last one repeated."""
    rule = _a_wire_rule(steps)
    target = policy_pb.ResolvedTarget(target_id="primary", person_id=name, high_urgency_rule=rule, **more)
    if every is not None:
        target.high_urgency_rule.repeat_interval.FromTimedelta(timedelta(seconds=every))
    if low:
        target.low_urgency_rule.CopyFrom(_a_wire_rule(low))
    return target


def _a_wire_rule(steps) -> policy_pb.ResolvedRule:
    rule = policy_pb.ResolvedRule()
    for delay, address in steps:
        step = rule.steps.add(contact_method_id="phone" if address.startswith("+") else "mail")
        step.delay.FromTimedelta(timedelta(seconds=delay))
        if address.startswith("+"):
            step.sms.phone_number = address
        else:
            step.email.email_address = address
    return rule


def a_wire_policy(*levels: policy_pb.ResolvedLevel, repeats: int = 0) -> policy_pb.ResolvedEscalation:
    return policy_pb.ResolvedEscalation(policy_id="shop", revision=1, levels=levels, repeat_count=repeats)


class ScriptedPolicy(policy_grpc.PolicyServiceServicer):
    """Answers every question with ``answer``; ``silent`` never answers, ``raw`` is sent instead of results."""

    def __init__(self) -> None:
        self.answer = a_wire_policy(a_wire_level(1, seconds=900))
        self.absent = False
        self.people: dict[str, policy_pb.ResolvedEscalation] = {}
        self.asked: list[policy_pb.ResolveEscalationRequest] = []
        self.silent = False
        self.code: grpc.StatusCode | None = None
        self.too_few = False

    async def BatchResolveEscalations(self, request, context):
        self.asked += request.requests
        if self.silent:
            await asyncio.Event().wait()
        if self.code is not None:
            await context.abort(self.code, "scripted")
        answered = request.requests[:-1] if self.too_few else request.requests
        return policy_pb.BatchResolveEscalationsResponse(results=map(self._result, answered))

    def _result(self, question):
        """People are known by ``people``; everybody else gets the same answer."""
        result = policy_pb.BatchResolveEscalationsResponse.Result
        if question.WhichOneof("subject") == "person_id" and question.person_id not in self.people:
            return result(error_reason=policy_pb.ERROR_REASON_PERSON_UNKNOWN)
        if self.absent:
            return result(error_reason=policy_pb.ERROR_REASON_NO_POLICY_FOR_SERVICE)
        return result(resolved_escalation=self.people.get(question.person_id, self.answer))


class ScriptedNotifier(notifier_grpc.NotifierServiceServicer):
    """Takes everything, once per request_id, unless ``refusals`` holds a status to answer with first.

    ``knows_streams`` is false for a notifier from before there were any. ``requests`` are those of streams, in order;
    with a cleared ``gate`` streams are read and not answered, and ``break_streams`` ends them. The pages of
    ``unanswered`` are never answered on them.
    """

    def __init__(self, *, knows_streams: bool = True) -> None:
        self.knows_streams = knows_streams
        self.streams = 0
        self.requests: list[notifier_pb.SendMessagesRequest] = []
        self.arrived, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self._broken = asyncio.Event()
        self.refusals: list[status_pb2.Status] = []
        self.garbage = False
        self.unanswered: set[str] = set()
        self.sent: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.bodies: dict[str, str] = {}

    async def SendEmail(self, request, context):
        return notifier_pb.SendEmailResponse(
            delivery=await self._sent(request.email_address, request.text_body, request, context)
        )

    async def SendSms(self, request, context):
        return notifier_pb.SendSmsResponse(
            delivery=await self._sent(request.phone_number, request.text, request, context)
        )

    async def SendMessages(self, request_iterator, context):
        if not self.knows_streams:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
        self.streams += 1
        async for request in request_iterator:
            self.requests.append(request)
            self.arrived.set()
            if not await self._opened():
                await context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
            results = [self._result(message) for message in request.messages]
            answered = [result for result in results if result.request_id not in self.unanswered]
            yield notifier_pb.SendMessagesResponse(results=answered)

    def break_streams(self) -> None:
        self._broken.set()

    async def _opened(self) -> bool:
        """False if the stream is to break instead."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self.gate, self._broken)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return self.gate.is_set()

    def _result(self, message):
        request = getattr(message, message.WhichOneof("content"))
        to, text = (
            (request.email_address, request.text_body)
            if message.HasField("email")
            else (request.phone_number, request.text)
        )
        self.asked[to] += 1
        result = notifier_pb.SendMessagesResponse.Result(request_id=request.request_id)
        if self.refusals:
            _say_in(result, self.refusals.pop(0))
        else:
            result.delivery.CopyFrom(self._delivery(to, text, request) or notifier_pb.Delivery())
        return result

    async def _sent(self, to, text, request, context):
        self.asked[to] += 1
        if self.refusals:
            await context.abort_with_status(rpc_status.to_status(self.refusals.pop(0)))
        return self._delivery(to, text, request)

    def _delivery(self, to, text, request):
        if self.garbage:
            return None
        if request.request_id not in self.bodies:
            self.sent[to] += 1
            self.bodies[request.request_id] = text
        return notifier_pb.Delivery(delivery_id=request.request_id, provider="scripted", provider_message_id="42")


def _say_in(result, status: status_pb2.Status) -> None:
    """A status as the notifier says it of one message of a stream."""
    result.error_message = status.message
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    for detail in status.details:
        if detail.Unpack(info):
            result.error_reason = notifier_pb.ErrorReason.Value(info.reason)
            result.provider_answer = info.metadata.get("provider_answer", "")
        elif detail.Unpack(retry):
            result.retry_after.CopyFrom(retry.retry_delay)


def a_status(code: grpc.StatusCode, reason: str, *, retry_seconds: float | None = None, **metadata: str):
    """An error as the notifier gives it."""
    status = status_pb2.Status(code=code.value[0], message="scripted")
    status.details.add().Pack(
        error_details_pb2.ErrorInfo(reason=f"ERROR_REASON_{reason}", domain="hexagonal-pager", metadata=metadata)
    )
    if retry_seconds is not None:
        delay = Duration(seconds=int(retry_seconds), nanos=int(retry_seconds % 1 * 1e9))
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return status


@asynccontextmanager
async def serving(add, servicer, listen: str = "127.0.0.1:0"):
    """``servicer`` behind a real port, which is yielded."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    add(servicer, server)
    port = server.add_insecure_port(listen)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)


def serving_policy(servicer, listen="127.0.0.1:0"):
    return serving(policy_grpc.add_PolicyServiceServicer_to_server, servicer, listen)


def serving_notifier(servicer, listen="127.0.0.1:0"):
    return serving(notifier_grpc.add_NotifierServiceServicer_to_server, servicer, listen)
