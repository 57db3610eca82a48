"""`pagerd certificates`: a private authority and a certificate for each service and an admin."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pager_grpc.daemon.rooms import Room
from pager_grpc.runtime.files import write_durably
from pager_grpc.runtime.identities import server_name, spiffe_id

ADMIN = "admin"
AUTHORITY = "ca"
LEAF_LIFETIME = timedelta(days=90)
AUTHORITY_LIFETIME = timedelta(days=3650)
# The clocks of the machines differ by minutes.
_BEFORE = timedelta(hours=1)
_USUAL_NAMES = ("localhost", "127.0.0.1", "::1")


class CertificatesRefused(Exception):
    """Nothing was written; the text is a sentence that says why."""


def write_certificates(
    folder: Path, hosts: Sequence[str] = (), *, renew: bool = False, lifetime: timedelta = LEAF_LIFETIME
) -> list[str]:
    """Writes ``ca`` and one pair for each of pager, policy, notifier and admin; returns what was done, line by line.

    ``hosts`` are further names and addresses of the servers. With ``renew`` the authority stays and each certificate
    keeps the names that it had.

    Raises:
        CertificatesRefused: something is there and would be overwritten, or there is no authority to renew with.
    """
    further = list(map(_host, hosts))
    authority_files = (folder / f"{AUTHORITY}.pem", folder / f"{AUTHORITY}.key")
    if renew:
        authority, key = _read_authority(*authority_files)
    else:
        _refuse_to_overwrite(folder)
        folder.mkdir(parents=True, exist_ok=True)
        authority, key = _new_authority()
        write_durably(authority_files[1], _pem_of_key(key), 0o600)
        write_durably(authority_files[0], authority.public_bytes(Encoding.PEM), 0o644)
    lines = [f"{authority_files[0]}  the authority, until {authority.not_valid_after_utc:%Y-%m-%d}"]
    for name in (*Room, ADMIN):
        file = folder / f"{name}.pem"
        names = _names(name, further, list(_names_before(file)) if renew else ())
        leaf, leaf_key = _new_leaf(name, names, authority, key, lifetime)
        # A service that looks between the two finds a pair that does not match, and looks again.
        write_durably(folder / f"{name}.key", _pem_of_key(leaf_key), 0o600)
        write_durably(file, leaf.public_bytes(Encoding.PEM), 0o644)
        lines.append(f"{file}  {spiffe_id(name)}, until {leaf.not_valid_after_utc:%Y-%m-%d}")
    return lines


def use_of(folder: Path) -> str:
    """What to do with the files."""
    place = folder.absolute()
    return "\n".join(
        [
            "",
            "For the services; {room} stands for the name of each. Another machine needs ca.pem and its own pair only:",
            f"  PAGERD_TLS_CA={place}/ca.pem",
            f"  PAGERD_TLS_CERT={place}/{{room}}.pem",
            f"  PAGERD_TLS_KEY={place}/{{room}}.key",
            "For pagerctl:",
            f"  PAGERCTL_TLS_CA={place}/ca.pem",
            f"  PAGERCTL_TLS_CERT={place}/{ADMIN}.pem",
            f"  PAGERCTL_TLS_KEY={place}/{ADMIN}.key",
            f"Whoever has {place}/ca.key can be anybody: keep it away from the services.",
        ]
    )


def _refuse_to_overwrite(folder: Path) -> None:
    names = (AUTHORITY, *Room, ADMIN)
    there = [f"{name}{end}" for name in names for end in (".pem", ".key") if (folder / f"{name}{end}").exists()]
    if there:
        raise CertificatesRefused(f"{folder} has {', '.join(there)} already; --renew makes new ones by the same CA")


def _read_authority(certificate: Path, key: Path) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    try:
        read = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        refusal = f"{certificate.parent} has no authority to renew with ({error}); without --renew one is made"
        raise CertificatesRefused(refusal) from error
    if not isinstance(private, EllipticCurvePrivateKey):
        raise CertificatesRefused(f"{key} is not a key that `pagerd certificates` made")
    return read, private


def _new_authority() -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    key = generate_private_key(SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hexagonal-pager authority")])
    usage = _usage(certificates=True)
    builder = (
        _builder(subject, subject, key, AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
    )
    return builder.sign(key, SHA256()), key


def _new_leaf(
    name: str,
    names: Sequence[x509.GeneralName],
    authority: x509.Certificate,
    authority_key: EllipticCurvePrivateKey,
    lifetime: timedelta,
) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    key = generate_private_key(SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    purposes = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if name != ADMIN:
        purposes.append(ExtendedKeyUsageOID.SERVER_AUTH)
    builder = (
        _builder(subject, authority.subject, key, lifetime)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
    )
    return builder.sign(authority_key, SHA256()), key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, now + lifetime) - _BEFORE)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _names(name: str, hosts: Sequence[x509.GeneralName], before: Sequence[x509.GeneralName]) -> list[x509.GeneralName]:
    """Who it is, and for a server where it may be found; its own name is that of its container or service there."""
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(spiffe_id(name))]
    if name != ADMIN:
        names.append(x509.DNSName(server_name(name)))
        names += (*map(_host, (name, *_USUAL_NAMES)), *hosts)
    return list(dict.fromkeys([*names, *before]))


def _host(host: str) -> x509.GeneralName:
    with suppress(ValueError):  # a name, then
        return x509.IPAddress(ip_address(host))
    try:
        return x509.DNSName(host)
    except ValueError as error:
        raise CertificatesRefused(f"--host: {host!r} is neither a name in ASCII nor an address") from error


def _names_before(file: Path) -> Iterator[x509.GeneralName]:
    if file.exists():
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        yield from certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def _pem_of_key(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
