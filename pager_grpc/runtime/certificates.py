"""Certificates, keys and authorities in PEM files: read, and refused with the reason if they cannot be used."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from stat import S_IRWXO

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from pager_grpc.runtime.identities import server_name, spiffe_id
from pager_grpc.runtime.tls_files import TlsFiles


class CertificateFault(ValueError):
    """A file cannot be used; the text says why and begins with a verb."""


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """What a process shows: its certificate with intermediates and its key, in PEM."""

    chain: bytes
    key: bytes
    expires: datetime


@dataclass(frozen=True, slots=True)
class TlsMaterial:
    """What the files of a process said at one moment, judged. ``own`` is None if it shows nothing."""

    authorities: bytes
    authorities_expire: datetime
    own: OwnCertificate | None


def read_material(files: TlsFiles, room: str | None, now: datetime) -> TlsMaterial:
    """What ``files`` hold, if it can be used by ``room``, or by a client that is none.

    Raises:
        CertificateFault: one of them cannot be used.
    """
    authorities, until = read_authorities(files.authorities, now)
    if files.certificate is None or files.key is None:
        return TlsMaterial(authorities, until, None)
    chain, leaf = read_chain(files.certificate, room, now)
    own = OwnCertificate(chain, read_key(files.key, leaf), leaf.not_valid_after_utc)
    return TlsMaterial(authorities, until, own)


def read_authorities(path: Path, now: datetime) -> tuple[bytes, datetime]:
    """The certificates of the authorities that are trusted, and when the last one of them expires.

    Raises:
        CertificateFault: there is none, or none is valid any more.
    """
    pem, certificates = _certificates(path)
    until = max(certificate.not_valid_after_utc for certificate in certificates)
    if until <= now:
        raise CertificateFault(f"{path} expired on {until:%Y-%m-%d}")
    return pem, until


def read_chain(path: Path, room: str | None, now: datetime) -> tuple[bytes, x509.Certificate]:
    """A certificate with its intermediates, and the certificate. For a ``room`` it must say who it is.

    Raises:
        CertificateFault: there is none, its time is over or has not come, or it is that of somebody else.
    """
    pem, (leaf, *_) = _certificates(path)
    if leaf.not_valid_after_utc <= now:
        raise CertificateFault(f"{path} expired on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")
    if leaf.not_valid_before_utc > now:
        raise CertificateFault(f"{path} is not valid before {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC")
    if room is not None:
        _require_identity(path, leaf, room)
    return pem, leaf


def read_key(path: Path, leaf: x509.Certificate) -> bytes:
    """The private key of ``leaf``.

    Raises:
        CertificateFault: it is another one, is encrypted, or everybody on the machine may read it.
    """
    pem = _content(path)
    if path.stat().st_mode & S_IRWXO:
        raise CertificateFault(f"{path} can be read by everybody on this machine; chmod 600 it")
    try:
        public = load_pem_private_key(pem, password=None).public_key()
    except TypeError as error:
        raise CertificateFault(f"{path} is encrypted; the service has nobody to ask for a password") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateFault(f"{path} holds no private key in PEM") from error
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if public.public_bytes(*form) != leaf.public_key().public_bytes(*form):
        raise CertificateFault(f"{path} is not the key of the certificate")
    return pem


def names_of(certificate: x509.Certificate) -> tuple[list[str], list[str]]:
    """The DNS names and the URIs of a certificate."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [], []
    return names.get_values_for_type(x509.DNSName), names.get_values_for_type(x509.UniformResourceIdentifier)


def _require_identity(path: Path, leaf: x509.Certificate, room: str) -> None:
    dns_names, uris = names_of(leaf)
    if server_name(room) not in dns_names:
        raise CertificateFault(f"{path} must have the DNS name {server_name(room)}, by which its callers know it")
    # More than one would leave open who it is: SPIFFE allows a single URI.
    if uris != [spiffe_id(room)]:
        raise CertificateFault(f"{path} must have the URI {spiffe_id(room)} and no other, by which the others know it")


def _certificates(path: Path) -> tuple[bytes, list[x509.Certificate]]:
    pem = _content(path)
    try:
        return pem, x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise CertificateFault(f"{path} holds no certificate in PEM") from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateFault(f"{path} cannot be read ({error.strerror or error})") from error
