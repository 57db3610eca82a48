"""The three rooms with their doors closed, each on a database that knows the same keys; and whoever calls them."""

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc
from fakes.access_builders import a_grant, a_key, secret_of, shown
from fakes.notifier_email_sender import FakeEmailSender
from fakes.notifier_sms_sender import FakeSmsSender
from fakes.verification_sender import FakeVerificationSender
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.json_format import MessageToDict, ParseDict
from quirks import WRITTEN_TOO_LATE
from sealed import ADDRESS_KEY

from pager_domain.access.keys import hash_of
from pager_domain.access.principal import Role
from pager_grpc.access.api_keys_sql import SqlApiKeys
from pager_grpc.notifier.bootstrap import running_notifier
from pager_grpc.notifier.config import NotifierSettings
from pager_grpc.pager.bootstrap import running_pager
from pager_grpc.pager.config import PagerSettings
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.errors import fault_of
from pager_grpc.runtime.migrations import migrate

KEYS = {
    "integration": a_key("integration1", a_grant(Role.INTEGRATION, ["checkout"])),
    "responder": a_key("responder1", a_grant(Role.RESPONDER, ["checkout"], person="ana")),
    "admin": a_key("admin1", a_grant(Role.ADMIN)),
    "pager": a_key("pager1", a_grant(Role.SERVICE), name="pager"),
    "policy": a_key("policy1", a_grant(Role.SERVICE), name="policy"),
    "notifier": a_key("notifier1", a_grant(Role.SERVICE), name="notifier"),
}
FIRST_ADMIN = shown("root")
_REQUIRED = {
    "PAGERD_ACCESS": "required",
    "PAGERD_INSECURE": True,
    "PAGERD_ADMIN_KEY_HASH": f"root:{hash_of(secret_of('root').hex()).hex()}",
}
_UNREACHABLE = "127.0.0.1:1"


@dataclass(frozen=True)
class Refused:
    """An answer that is an error."""

    code: str
    reason: str
    message: str
    metadata: dict[str, str]


@dataclass(frozen=True)
class Room:
    """A channel to a room, and the keys that its database holds."""

    channel: grpc.aio.Channel
    keys: SqlApiKeys
    target: str
    mail: FakeEmailSender

    async def call(self, method, request, *, key=None, metadata=None):
        """The answer of /service/Method as a dict (of a stream the first one), or how the call was refused."""
        known = method_of(method)
        request_kind = message_factory.GetMessageClass(known.input_type)
        response_kind = message_factory.GetMessageClass(known.output_type)
        kind = f"{_arity(known.client_streaming)}_{_arity(known.server_streaming)}"
        call = getattr(self.channel, kind)(method, request_kind.SerializeToString, response_kind.FromString)
        message = ParseDict(request, request_kind())
        sent = iter([message]) if known.client_streaming else message
        try:
            answer = call(sent, metadata=metadata or bearer(key), timeout=20)
            if known.server_streaming:
                response = await anext(aiter(answer))
                answer.cancel()
            else:
                response = await answer
        except grpc.aio.AioRpcError as error:
            fault = fault_of(error)
            if fault.message == WRITTEN_TOO_LATE:
                return await self.call(method, request, key=key, metadata=metadata)
            return Refused(
                fault.code.name, fault.reason.removeprefix("ERROR_REASON_"), fault.message, dict(fault.metadata)
            )
        return MessageToDict(response, preserving_proto_field_name=True)


def bearer(key):
    """How a caller shows a key or token."""
    return (("authorization", f"Bearer {key}"),) if key else ()


def key_of(caller):
    """What one of ``KEYS``, or nobody, shows."""
    return shown(KEYS[caller].key_id) if caller in KEYS else None


def method_of(method):
    """The descriptor of /service/Method."""
    service, name = method.strip("/").split("/")
    return descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]


def a_service_secret(folder):
    """The file that the services of a test share."""
    file = folder / "service-secret"
    file.touch(mode=0o600)
    file.write_text("the services of a test know each other by this\n")
    return file


@asynccontextmanager
async def a_closed_room(room, tmp_path, database_url=None, **more):
    """A room that asks everybody for a key; its database knows ``KEYS``. ``more`` settings by their variables."""
    async with AsyncExitStack() as stack:
        database = open_database(database_url or f"sqlite+aiosqlite:///{tmp_path / room}.db")
        stack.push_async_callback(database.close)
        await migrate(database, room)
        keys = SqlApiKeys(database)
        for key in KEYS.values():
            await keys.add(key)
        given = {"PAGERD_DATA": tmp_path, "PAGERD_SERVICE_SECRET_FILE": a_service_secret(tmp_path), **_REQUIRED, **more}
        mail = FakeEmailSender()
        port = await stack.enter_async_context(_running(room, database, given, mail))
        target = f"127.0.0.1:{port}"
        yield Room(await stack.enter_async_context(open_channel(target)), keys, target, mail)


def _running(room, database, given, mail):
    if room == "notifier":
        settings = NotifierSettings(_env_file=None, NOTIFIER_LISTEN="127.0.0.1:0", **given)
        return running_notifier(settings, database=database, email_sender=mail, sms_sender=FakeSmsSender())
    if room == "policy":
        settings = PolicySettings(_env_file=None, POLICY_LISTEN="127.0.0.1:0", **given)
        return running_policy(settings, database=database, verification_sender=FakeVerificationSender())
    own = {
        "PAGER_LISTEN": "127.0.0.1:0",
        "PAGER_POLICY_TARGET": _UNREACHABLE,
        "PAGER_NOTIFIER_TARGET": _UNREACHABLE,
        "PAGER_CATCH_ALL_EMAIL": "everybody@example.com",
        "PAGER_ADDRESS_KEYS": ADDRESS_KEY,
        "PAGER_POLICY_DEADLINE": 10,
    }
    # A pager without neighbours pages nobody.
    paging = "PAGER_NOTIFIER_TARGET" in given
    return running_pager(PagerSettings(_env_file=None, **own | given), database=database, paging=paging)


def _arity(streaming):
    return "stream" if streaming else "unary"
