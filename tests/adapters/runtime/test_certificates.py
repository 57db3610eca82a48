"""`pagerd certificates`: what it writes, what it leaves alone."""

import stat
from ipaddress import ip_address

import pytest
from cryptography import x509
from typer.testing import CliRunner

from pager_grpc.daemon.certificates import CertificatesRefused, write_certificates
from pager_grpc.pagerd import app

NAMES = ("ca", "pager", "policy", "notifier", "admin")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def certificate(folder, name):
    return x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())


def names_of(folder, name):
    return certificate(folder, name).extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def test_it_makes_a_pair_for_each_and_nobody_else_can_read_the_keys(tmp_path):
    write_certificates(tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"
    assert contents(folder).keys() == {f"{name}{end}" for name in NAMES for end in (".pem", ".key")}
    assert {stat.S_IMODE((folder / f"{name}.key").stat().st_mode) for name in NAMES} == {0o600}


@pytest.mark.parametrize("name", NAMES[1:])
def test_each_certificate_is_by_the_authority_and_for_one_identity(tmp_path, name):
    write_certificates(tmp_path)
    certificate(tmp_path, name).verify_directly_issued_by(certificate(tmp_path, "ca"))
    assert names_of(tmp_path, name).get_values_for_type(x509.UniformResourceIdentifier) == [
        f"spiffe://hexagonal-pager/{name}"
    ]


def test_a_server_is_found_on_this_machine_by_its_name_and_by_the_hosts_that_were_asked_for(tmp_path):
    write_certificates(tmp_path, ["pager.example.com", "10.0.0.7"])
    names = names_of(tmp_path, "policy")
    dns = {"policy.hexagonal-pager.internal", "policy", "localhost", "pager.example.com"}
    assert set(names.get_values_for_type(x509.DNSName)) == dns
    addresses = {ip_address(address) for address in ("127.0.0.1", "::1", "10.0.0.7")}
    assert set(names.get_values_for_type(x509.IPAddress)) == addresses


def test_an_admin_is_no_server(tmp_path):
    write_certificates(tmp_path, ["pager.example.com"])
    usage = certificate(tmp_path, "admin").extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not names_of(tmp_path, "admin").get_values_for_type(x509.DNSName)


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "policy.key").write_text("precious")
    with pytest.raises(CertificatesRefused, match=r"has policy\.key already"):
        write_certificates(tmp_path)
    assert contents(tmp_path) == {"policy.key": b"precious"}


def test_renewing_keeps_the_authority_and_the_names_and_makes_new_keys(tmp_path):
    write_certificates(tmp_path, ["pager.example.com"])
    before = contents(tmp_path)
    write_certificates(tmp_path, ["another.example.com"], renew=True)
    after = contents(tmp_path)
    assert {name for name in after if after[name] == before[name]} == {"ca.pem", "ca.key"}
    assert {"pager.example.com", "another.example.com"} < set(
        names_of(tmp_path, "pager").get_values_for_type(x509.DNSName)
    )
    certificate(tmp_path, "pager").verify_directly_issued_by(certificate(tmp_path, "ca"))


def test_there_is_nothing_to_renew_without_an_authority(tmp_path):
    with pytest.raises(CertificatesRefused, match="has no authority to renew with"):
        write_certificates(tmp_path, renew=True)
    assert not contents(tmp_path)


def test_a_host_that_cannot_stand_in_a_certificate_is_refused(tmp_path):
    with pytest.raises(CertificatesRefused, match="--host: 'bücher' is neither"):
        write_certificates(tmp_path / "folder", ["bücher"])
    assert not (tmp_path / "folder").exists()


def test_the_command_says_what_it_wrote_and_what_to_do_with_it(tmp_path):
    done = CliRunner().invoke(app, ["certificates", str(tmp_path), "--host", "pager.example.com"])
    assert done.exit_code == 0
    assert f"{tmp_path}/policy.pem  spiffe://hexagonal-pager/policy, until 20" in done.stdout
    assert f"  PAGERD_TLS_CERT={tmp_path}/{{room}}.pem\n" in done.stdout
    assert "PRIVATE KEY" not in done.output


def test_the_command_refuses_in_one_sentence(tmp_path):
    CliRunner().invoke(app, ["certificates", str(tmp_path)])
    done = CliRunner().invoke(app, ["certificates", str(tmp_path)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{tmp_path} has ca.pem, ca.key, ")
