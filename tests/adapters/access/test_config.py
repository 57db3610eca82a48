"""What the settings of access refuse, by the name of the variable."""

import pytest
from typer.testing import CliRunner

from pager_domain.access.keys import presented_key
from pager_grpc.access.config import AccessSettings
from pager_grpc.access.first_admin import first_admin, new_admin_key
from pager_grpc.pagerd import app
from pager_grpc.runtime.config import ConfigurationFault, read_settings

HASH = "root:" + "0" * 64
JWT = {"PAGERD_JWT_ISSUER": "https://id.example.com", "PAGERD_JWT_AUDIENCE": "pager"}


@pytest.fixture
def reading(monkeypatch, tmp_path):
    """Reads the settings from these variables; a value that is bytes is a file with that content."""
    monkeypatch.chdir(tmp_path)

    def read(**variables):
        for name, value in variables.items():
            if isinstance(value, bytes):
                (tmp_path / name).touch(mode=0o600)
                (tmp_path / name).write_bytes(value)
            monkeypatch.setenv(name, str(tmp_path / name) if isinstance(value, bytes) else value)
        return read_settings(AccessSettings)

    return read


CLOSED = {"PAGERD_ACCESS": "required", "PAGERD_INSECURE": "1"}


def test_without_any_setting_access_is_open(reading):
    settings = reading()
    assert not settings.access_required
    assert settings.own_service_key == ""


def test_a_secret_that_every_user_may_read_is_none(reading, tmp_path):
    reading(PAGERD_SERVICE_SECRET_FILE=b"x" * 32)
    (tmp_path / "PAGERD_SERVICE_SECRET_FILE").chmod(0o644)
    with pytest.raises(ConfigurationFault, match="open to every user"):
        reading()


def test_access_may_be_required_behind_something_that_does_tls(reading):
    assert reading(**CLOSED, PAGERD_SERVICE_SECRET_FILE=b"x" * 32).access_required


@pytest.mark.parametrize(
    ("variables", "faults"),
    [
        ({"PAGERD_ACCESS": "required"}, ["PAGERD_ACCESS: required needs TLS"]),
        (CLOSED, ["PAGERD_ACCESS: required without TLS needs PAGERD_SERVICE_SECRET_FILE"]),
        ({"PAGERD_ACCESS": "perhaps"}, ["PAGERD_ACCESS: "]),
        ({"PAGERD_SERVICE_SECRET_FILE": b"x" * 31 + b"\n"}, ["PAGERD_SERVICE_SECRET_FILE: "]),
        ({"PAGERD_SERVICE_SECRET_FILE": "nowhere"}, ["PAGERD_SERVICE_SECRET_FILE: nowhere cannot be read"]),
        (CLOSED | {"PAGERD_SERVICE_SECRET_FILE": b"short"}, ["PAGERD_SERVICE_SECRET_FILE: "]),
        ({"PAGERD_ADMIN_KEY_HASH": "root"}, ["PAGERD_ADMIN_KEY_HASH: must be what `pagerd admin-key` prints"]),
        ({"PAGERD_ADMIN_KEY_HASH": HASH.upper()}, ["PAGERD_ADMIN_KEY_HASH: "]),
        (JWT, ["PAGERD_JWKS: "]),
        (
            {"PAGERD_JWKS": b"{}"},
            ["PAGERD_JWKS: PAGERD_JWT_ISSUER, PAGERD_JWT_AUDIENCE and PAGERD_JWKS are given together"],
        ),
        ({"PAGERD_JWT_ISSUER": "x"}, ["PAGERD_JWT_AUDIENCE: ", "PAGERD_JWKS: "]),
        (JWT | {"PAGERD_JWKS": "http://id.example.com/jwks"}, ["PAGERD_JWKS: must be an https address or a file"]),
        (JWT | {"PAGERD_JWKS": "nowhere.json"}, ["PAGERD_JWKS: must be an https address or a file"]),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_the_variable(reading, variables, faults):
    with pytest.raises(ConfigurationFault) as refused:
        reading(**variables)
    assert len(refused.value.faults) == len(faults)
    assert all(said.startswith(expected) for said, expected in zip(refused.value.faults, faults, strict=True))


def test_the_key_of_the_first_admin_is_known_by_its_hash(reading):
    key, setting = new_admin_key()
    [known] = first_admin(reading(PAGERD_ADMIN_KEY_HASH=setting).admin_key_hash).values()
    assert known.is_shown_by(presented_key(key))
    assert known.principal().role == "admin"
    assert key.rpartition("_")[2] not in setting
    assert new_admin_key()[0] != key


def test_pagerd_prints_the_key_for_its_owner_and_the_setting_for_the_services():
    printed = dict(line.split("=", 1) for line in CliRunner().invoke(app, ["admin-key"]).output.splitlines())
    [known] = first_admin(printed["PAGERD_ADMIN_KEY_HASH"]).values()
    assert known.is_shown_by(presented_key(printed["PAGERCTL_API_KEY"]))
