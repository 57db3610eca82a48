"""compose.yaml, followed with processes instead of containers: its commands, its settings, its order."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from databases import a_postgres_database
from deploy.composition import ROOT, MissingError, composition, image_environment, in_order, variables
from end_to_end.world import MailServer, Room, eventually, free_port, one_call
from sealed import ADDRESS_KEY
from sqlalchemy.engine import URL, make_url

from pager_grpc.daemon.rooms import Room as RoomName
from pager_grpc.daemon.rooms import settings_kind
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc

pytestmark = pytest.mark.timeout(300)  # eight processes start, some after others

GIVEN = {"POSTGRES_PASSWORD": "0123456789abcdef", "PAGER_ADDRESS_KEYS": ADDRESS_KEY}
OWN_IMAGE = "hexagonal-pager"


@pytest.fixture
def services() -> dict[str, Any]:
    found: dict[str, Any] = composition(GIVEN)["services"]
    return found


def rooms_of(services: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """The services of our own image: (command, room)."""
    return {name: tuple(service["command"]) for name, service in services.items() if service["image"] == OWN_IMAGE}


class Followed:
    """The services of the file as processes on loopback, with real databases and a real mail server."""

    def __init__(self, services: dict[str, Any], databases: dict[str, str], mail: MailServer, folder: Path) -> None:
        self._services, self._databases, self._mail, self._folder = services, databases, mail, folder
        self.ports = {name: free_port() for name in rooms_of(services)}
        self.running: dict[str, Room] = {}

    def follow(self) -> None:
        """Starts everything in the order of the file; a migration must end with 0, a service must serve."""
        for name in in_order(self._services):
            command, room = rooms_of(self._services).get(name, ("", ""))
            if command == "migrate":
                pagerd = [sys.executable, "-m", "pager_grpc.pagerd", command, room]
                subprocess.run(pagerd, env=self._environment(name), cwd=ROOT, check=True, timeout=120)
            if command == "serve":
                process = Room(room, self.ports[name], self._environment(name), self._folder / f"{name}.log")
                process.spawn()
                self.running[name] = process
        for name, process in self.running.items():
            eventually(process.serves, f"{name} serves", 120)

    def stop(self) -> list[int]:
        return [room.stop() for room in self.running.values()]

    def _environment(self, name: str) -> dict[str, str]:
        stated = image_environment() | self._services[name]["environment"]
        here = {variable: self._on_loopback(name, variable, value) for variable, value in stated.items()}
        return os.environ | here | {"PAGERD_DATA": str(self._folder)}

    def _on_loopback(self, name: str, variable: str, value: str) -> str:
        if variable.endswith("_DATABASE_URL"):
            url = make_url(value)
            assert (url.host, url.password) == ("postgres", GIVEN["POSTGRES_PASSWORD"])
            return self._databases[str(url.database)]
        if variable == "NOTIFIER_SMTP_URL":
            assert value == "smtp://mail:1025"
            return self._mail.url
        if variable.endswith("_TARGET"):
            host, _, port = value.partition(":")
            assert image_environment()[f"{host.upper()}_LISTEN"] == f"0.0.0.0:{port}"
            return f"127.0.0.1:{self.ports[host]}"
        if variable.endswith("_METRICS_LISTEN"):
            return f"127.0.0.1:{free_port()}"
        if variable.endswith("_LISTEN"):
            return f"127.0.0.1:{self.ports[name]}"
        return value


@pytest.fixture
def followed(services: dict[str, Any], postgres_admin_url: URL, tmp_path: Path) -> Iterator[Followed]:
    script = (ROOT / "deploy/compose/databases.sql").read_text()
    with ExitStack() as stack:
        names = re.findall(r"^CREATE DATABASE (\w+);$", script, flags=re.MULTILINE)
        databases = {name: stack.enter_context(a_postgres_database(postgres_admin_url)) for name in names}
        mail = MailServer()
        following = Followed(services, databases, mail, tmp_path)
        try:
            following.follow()
            yield following
        finally:
            codes = following.stop()
            mail.stop()
    assert set(codes) == {0}


def test_followed_literally_an_alert_to_either_pager_becomes_a_letter(followed):
    for name in ("pager-1", "pager-2"):
        request = pb.RaiseAlertRequest(monitored_service_id=f"checkout-{name}", message="it burns")
        one_call(followed.running[name].address, pb_grpc.PagerServiceStub, "RaiseAlert", request, 10)
    letters = followed._mail.letters
    eventually(lambda: len(letters) == 2, "two letters to the catch-all")
    assert {str(letter["To"]) for letter in letters} == {variables()["PAGER_CATCH_ALL_EMAIL"]}


def test_without_a_password_and_a_key_it_says_how_to_make_them():
    for name in GIVEN:
        with pytest.raises(MissingError, match=f"{name}: .* (openssl rand|key prints)"):
            composition({other: value for other, value in GIVEN.items() if other != name})


def test_each_service_has_only_settings_that_the_rooms_know(services):
    known = {field.alias for room in RoomName for field in settings_kind(room).model_fields.values()}
    for name in rooms_of(services):
        assert {*services[name]["environment"]} <= known


def test_rooms_wait_for_their_migration_and_migrations_for_the_database(services):
    for name, (command, room) in rooms_of(services).items():
        conditions = {other: how["condition"] for other, how in services[name]["depends_on"].items()}
        if command == "migrate":
            assert conditions == {"postgres": "service_healthy"}
        else:
            assert conditions[f"migrate-{room}"] == "service_completed_successfully"


def test_only_loopback_reaches_it_and_rooms_may_not_change_their_image(services):
    for name, service in services.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        assert service["networks"] == ["pager"]
        if name in rooms_of(services):
            assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert composition(GIVEN)["networks"] == {"pager": None}


def test_every_file_that_it_mounts_is_there(services):
    mounts = [volume for service in services.values() for volume in service.get("volumes", [])]
    files = [mount.partition(":")[0] for mount in mounts if mount.startswith(".")]
    assert {"./deploy/compose/prometheus.yml", "./deploy/prometheus"} <= {*files}
    assert all((ROOT / file).exists() for file in files)
