"""TLS of one process: what it shows and whom it trusts, read again when the files have changed.

gRPC asks for the newest server certificate at each handshake; channels open a new connection when there is a newer
one (``channels.py``); the HTTP pages change their context at each handshake.
"""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import grpc
import structlog

from pager_grpc.runtime.certificates import CertificateFault, TlsMaterial, read_material
from pager_grpc.runtime.tls_files import TlsFiles

log = structlog.get_logger()


def utc_now() -> datetime:
    """What certificates are judged by; the database's clock is not asked."""
    return datetime.now(UTC)


class Tls:
    """The material that is in use. It is replaced as a whole, so that whoever has an older one can tell.

    Args:
        files: where it is read from.
        room: who the process must be by its certificate; None for a client that is no room.
        now: the time by which certificates are judged.

    Raises:
        CertificateFault: a file cannot be used.
    """

    def __init__(self, files: TlsFiles, room: str | None = None, now: Callable[[], datetime] = utc_now) -> None:
        self._files = files
        self._room = room
        self.now = now
        self._seen = self._contents()
        self.material = read_material(files, room, now())
        self._pages = self._new_pages_context()

    def reload(self) -> bool:
        """Takes over files that have changed and make sense; True if there were such. Others are logged once."""
        contents = self._contents()
        if contents == self._seen:
            return False
        try:
            material = read_material(self._files, self._room, self.now())
            pages = self._new_pages_context()
        except (CertificateFault, OSError) as fault:
            # A half-written set, most likely: the other half is another change.
            log.warning("certificates_not_taken_over", cause=str(fault))
            return False
        finally:
            self._seen = contents
        self.material, self._pages = material, pages
        log.info("certificates_reloaded", expires=material.own and material.own.expires.isoformat())
        return True

    def server_credentials(self, *, mutual: bool) -> grpc.ServerCredentials:
        """For one listener: ``mutual`` demands a certificate of our authorities from each caller, else none is asked.

        grpc knows nothing in between for Python.
        """
        known = self.material

        def newer() -> grpc.ServerCertificateConfiguration | None:
            # Called before each handshake, in a thread of gRPC; None: nothing is new.
            nonlocal known
            if (newest := self.material) is known:
                return None
            known = newest
            return _configuration(newest)

        # grpc's types forget that None may be returned.
        return grpc.dynamic_ssl_server_credentials(_configuration(known), newer, mutual)  # type: ignore[arg-type]

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """For new connections to our servers."""
        material, own = self.material, self.material.own
        if own is None:
            return grpc.ssl_channel_credentials(material.authorities)
        return grpc.ssl_channel_credentials(material.authorities, own.key, own.chain)

    def pages_context(self) -> ssl.SSLContext:
        """For HTTP pages: anybody may ask; each new connection is shown the newest certificate."""
        context = self._new_pages_context()

        def newest(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            connection.context = self._pages

        context.sni_callback = newest
        return context

    def _new_pages_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        if self._files.certificate is not None:
            context.load_cert_chain(self._files.certificate, self._files.key)
        return context

    def _contents(self) -> tuple[bytes | str, ...]:
        files = (self._files.authorities, self._files.certificate, self._files.key)
        return tuple(_content(file) for file in files if file is not None)


def _content(path: Path) -> bytes | str:
    try:
        return path.read_bytes()
    except OSError as error:
        return str(error)


def _configuration(material: TlsMaterial) -> grpc.ServerCertificateConfiguration:
    if material.own is None:
        raise CertificateFault("is needed by a server")
    return grpc.ssl_server_certificate_configuration([(material.own.key, material.own.chain)], material.authorities)
