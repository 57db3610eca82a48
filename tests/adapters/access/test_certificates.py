"""Callers by their certificates: services as themselves, an admin; a key that is sent counts instead."""

from contextlib import asynccontextmanager
from dataclasses import replace

import grpc
import pytest
from adapters.access.requests import about
from adapters.access.rooms import a_closed_room, key_of
from adapters.runtime.secured import an_authority, files_of

from pager_grpc.access.config import AccessSettings
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.tls import Tls

NOTIFIER = "/notifier.v1.NotifierService/"
REQUESTS = about(dict.fromkeys(("service", "incident", "window", "person", "other", "swap"), "x"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return an_authority(tmp_path_factory.mktemp("certificates"))


def given(folder):
    """Of a room with these certificates; access is required by itself then."""
    return {
        "PAGERD_TLS_CERT": folder / "{room}.pem",
        "PAGERD_TLS_KEY": folder / "{room}.key",
        "PAGERD_TLS_CA": folder / "ca.pem",
        "PAGERD_INSECURE": False,
        "PAGERD_SERVICE_SECRET_FILE": None,
        "PAGERD_ACCESS": None,
    }


@asynccontextmanager
async def a_secured_notifier(folder, tmp_path, name):
    """The notifier, and a caller with the certificate of ``name``."""
    async with (
        a_closed_room("notifier", tmp_path, **given(folder)) as notifier,
        open_channel(notifier.target, tls=Tls(files_of(folder, name)), room="notifier") as channel,
    ):
        yield replace(notifier, channel=channel)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("pager", {"SendEmail", "SendSms", "SendMessages"}),
        ("policy", {"SendEmail", "SendSms"}),
        ("notifier", set()),
        ("admin", {"GetDelivery", "ListDeliveries"}),
    ],
)
async def test_a_certificate_may_call_what_its_identity_may(folder, tmp_path, name, allowed):
    answers = {}
    async with a_secured_notifier(folder, tmp_path, name) as notifier:
        for method in ("SendEmail", "SendSms", "SendMessages", "GetDelivery", "ListDeliveries"):
            answer = await notifier.call(NOTIFIER + method, REQUESTS.get(method, {}))
            answers[method] = getattr(answer, "code", "OK")
    assert {method for method, code in answers.items() if code != "PERMISSION_DENIED"} == allowed
    assert set(answers.values()) <= {"OK", "NOT_FOUND", "PERMISSION_DENIED"}


async def test_a_key_that_is_sent_counts_instead_of_the_certificate(folder, tmp_path):
    async with a_secured_notifier(folder, tmp_path, "admin") as notifier:
        assert await notifier.call(f"{NOTIFIER}ListDeliveries", {}) == {}
        lesser = await notifier.call(f"{NOTIFIER}ListDeliveries", {}, key=key_of("integration"))
        assert (lesser.code, lesser.metadata["principal"]) == ("PERMISSION_DENIED", "key:integration1")
        wrong = await notifier.call(f"{NOTIFIER}ListDeliveries", {}, key="nonsense")
        assert wrong.metadata == {"fault": "token_refused"}


async def test_whoever_has_a_key_and_no_certificate_comes_in_at_the_door_for_callers(folder, tmp_path, unused_tcp_port):
    door = f"127.0.0.1:{unused_tcp_port}"
    trusting = Tls(replace(files_of(folder, "admin"), certificate=None, key=None))
    settings = given(folder) | {"NOTIFIER_CALLERS_LISTEN": door}
    async with a_closed_room("notifier", tmp_path, **settings) as notifier:
        async with open_channel(door, tls=trusting, room="notifier") as channel:
            caller = replace(notifier, channel=channel)
            assert (await caller.call(f"{NOTIFIER}ListDeliveries", {})).metadata == {"fault": "missing"}
            assert await caller.call(f"{NOTIFIER}ListDeliveries", {}, key=key_of("admin")) == {}
        async with open_channel(notifier.target, tls=trusting, room="notifier") as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await channel.unary_unary(f"{NOTIFIER}ListDeliveries")(b"", timeout=5)
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


def test_access_is_required_where_there_is_tls_and_open_otherwise(folder):
    secured = {variable: value for variable, value in given(folder).items() if value is not None}
    assert _settings(**secured).access_required
    assert not _settings(**secured, PAGERD_ACCESS="open").access_required
    assert not _settings().access_required


def _settings(**variables):
    kind = type("Settings", (AccessSettings,), {"room": "pager"})
    return kind(_env_file=None, **variables)
