"""Plaintext stays on this machine; certificates that cannot be used are refused before anything is opened."""

from datetime import timedelta

import pytest
from adapters.runtime.secured import an_authority

from pager_grpc.notifier.config import NotifierSettings
from pager_grpc.policy.config import PolicySettings
from pager_grpc.runtime.config import ConfigurationFault, read_settings
from pager_grpc.runtime.transport_settings import hosts_of, is_loopback


@pytest.fixture
def folder(tmp_path):
    return an_authority(tmp_path / "certificates")


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """Sets variables in an environment that knows no others of ours."""
    monkeypatch.chdir(tmp_path)

    def given(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))

    return given


def with_files_of(folder, name):
    return {
        "PAGERD_TLS_CERT": folder / f"{name}.pem",
        "PAGERD_TLS_KEY": folder / f"{name}.key",
        "PAGERD_TLS_CA": folder / "ca.pem",
    }


def faults(kind=PolicySettings):
    with pytest.raises(ConfigurationFault) as refused:
        read_settings(kind)
    return refused.value.faults


@pytest.mark.parametrize(
    "variable", ["POLICY_LISTEN", "POLICY_METRICS_LISTEN", "POLICY_CALENDARS_LISTEN", "POLICY_NOTIFIER_TARGET"]
)
@pytest.mark.parametrize("address", ["0.0.0.0:7000", "[::]:7000", "10.0.0.7:7000", "policy.example.com:7000"])
def test_plaintext_beyond_this_machine_is_refused_with_what_to_do(environment, variable, address):
    environment(**{variable: address})
    (fault,) = faults()
    assert fault.startswith(f"{variable}: {address} is beyond this machine and the connection is plaintext")
    assert "PAGERD_TLS_CERT" in fault
    assert "PAGERD_INSECURE=1" in fault


@pytest.mark.parametrize("address", ["127.0.0.1:7000", "127.1.2.3:7000", "[::1]:7000", "localhost:7000"])
def test_plaintext_on_this_machine_needs_no_permission(environment, address):
    environment(POLICY_LISTEN=address, POLICY_CALENDARS_LISTEN=address)
    assert read_settings(PolicySettings).tls_files is None


def test_plaintext_beyond_this_machine_may_be_allowed(environment):
    environment(POLICY_LISTEN="0.0.0.0:7000", PAGERD_INSECURE="1")
    assert read_settings(PolicySettings).listen == "0.0.0.0:7000"


def test_with_certificates_every_address_is_open_and_each_room_finds_its_own_pair(environment, folder):
    environment(POLICY_LISTEN="0.0.0.0:7000", POLICY_CALLERS_LISTEN="0.0.0.0:7001", **with_files_of(folder, "{room}"))
    assert read_settings(PolicySettings).tls_files.certificate == folder / "policy.pem"
    assert read_settings(NotifierSettings).tls_files.key == folder / "notifier.key"


def test_a_door_for_callers_without_certificates_needs_tls(environment):
    environment(POLICY_CALLERS_LISTEN="127.0.0.1:7001")
    assert [fault.partition(": needs ")[0] for fault in faults()] == ["POLICY_CALLERS_LISTEN"]


@pytest.mark.parametrize("missing", ["PAGERD_TLS_CERT", "PAGERD_TLS_KEY", "PAGERD_TLS_CA"])
def test_the_three_files_are_given_together(environment, folder, missing):
    given = with_files_of(folder, "policy")
    del given[missing]
    environment(**given)
    assert any("are given together" in fault for fault in faults())


@pytest.mark.parametrize("missing", ["PAGERD_TLS_CERT", "PAGERD_TLS_KEY", "PAGERD_TLS_CA"])
def test_a_file_that_is_not_there_is_named_by_its_variable_alone(environment, folder, missing):
    environment(POLICY_LISTEN="0.0.0.0:7000", **with_files_of(folder, "policy") | {missing: folder / "nothing"})
    assert faults() == [f"{missing}: {folder}/nothing cannot be read (No such file or directory)"]


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("PAGERD_TLS_CERT", "holds no certificate in PEM"),
        ("PAGERD_TLS_KEY", "holds no private key in PEM"),
        ("PAGERD_TLS_CA", "holds no certificate in PEM"),
    ],
)
def test_what_is_not_pem_is_refused(environment, folder, variable, words):
    (folder / "noise").write_text("-----BEGIN NOISE-----\n")
    (folder / "noise").chmod(0o600)
    environment(**with_files_of(folder, "policy") | {variable: folder / "noise"})
    assert faults() == [f"{variable}: {folder}/noise {words}"]


def test_the_key_of_another_certificate_is_refused(environment, folder):
    environment(**with_files_of(folder, "policy") | {"PAGERD_TLS_KEY": folder / "pager.key"})
    assert faults() == [f"PAGERD_TLS_KEY: {folder}/pager.key is not the key of the certificate"]


def test_a_key_that_everybody_can_read_is_refused_and_one_for_a_group_is_not(environment, folder):
    environment(**with_files_of(folder, "policy"))
    (folder / "policy.key").chmod(0o640)
    assert read_settings(PolicySettings).tls_files
    (folder / "policy.key").chmod(0o644)
    assert faults() == [f"PAGERD_TLS_KEY: {folder}/policy.key can be read by everybody on this machine; chmod 600 it"]


def test_the_certificate_of_another_room_is_refused(environment, folder):
    environment(**with_files_of(folder, "policy"))
    (fault,) = faults(NotifierSettings)
    assert "must have the DNS name notifier.hexagonal-pager.internal" in fault


def test_an_expired_certificate_is_refused(environment, tmp_path):
    folder = an_authority(tmp_path / "old", lifetime=timedelta(days=-1))
    environment(**with_files_of(folder, "policy"))
    (fault,) = faults()
    assert fault.startswith(f"PAGERD_TLS_CERT: {folder}/policy.pem expired on ")


@pytest.mark.parametrize(
    ("address", "hosts"),
    [
        ("10.0.0.2:1", ["10.0.0.2"]),
        ("[::1]:1", ["::1"]),
        ("ipv4:127.0.0.1:1,10.0.0.3:2", ["127.0.0.1", "10.0.0.3"]),
        ("ipv6:[::1]:1,[fd00::1]:2", ["::1", "fd00::1"]),
        ("dns:///policy:1", ["policy"]),
        ("dns://8.8.8.8/policy:1", ["policy"]),
    ],
)
def test_every_host_of_an_address_is_looked_at(address, hosts):
    assert list(hosts_of(address)) == hosts


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "127.0.0.1.example.com", "localhost.example.com", "128.0.0.1"])
def test_what_only_looks_like_this_machine_is_beyond_it(host):
    assert not is_loopback(host)
