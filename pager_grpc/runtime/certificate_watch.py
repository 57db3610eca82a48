"""Looks at the certificates of a process while it serves: takes over new ones, says when they end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry, Gauge

from pager_grpc.runtime.config import ConfigurationFault, RoomSettings
from pager_grpc.runtime.supervision import Doorbell, run_forever, running

if TYPE_CHECKING:
    from pager_grpc.runtime.tls import Tls

log = structlog.get_logger()

LOOK_AGAIN_SECONDS = 5.0
WARN_BEFORE = timedelta(days=14)
_WARN_AGAIN = timedelta(days=1)


@asynccontextmanager
async def watched_tls(settings: RoomSettings, registry: CollectorRegistry) -> AsyncIterator["Tls | None"]:
    """The TLS of a room, kept up to date while this is entered; None without certificates.

    Raises:
        ConfigurationFault: a file has changed since the settings were read and cannot be used any more.
    """
    if (files := settings.tls_files) is None:
        yield None
        return
    # Without certificates nobody waits for cryptography.
    from pager_grpc.runtime.certificates import CertificateFault  # noqa: PLC0415 - see above
    from pager_grpc.runtime.tls import Tls  # noqa: PLC0415 - see above

    try:
        tls = Tls(files, settings.room)
    except (CertificateFault, OSError) as fault:
        raise ConfigurationFault([f"PAGERD_TLS_CERT, PAGERD_TLS_KEY or PAGERD_TLS_CA: {fault}"]) from fault
    watch = CertificateWatch(tls, registry)
    async with running(run_forever("certificates", watch.step, Doorbell())):
        yield tls


class CertificateWatch:
    """Reads the files again every few seconds; warns once a day in the last 14 days."""

    def __init__(self, tls: "Tls", registry: CollectorRegistry) -> None:
        self._tls = tls
        self._warned: datetime | None = None
        self._expiry = Gauge(
            "certificate_expiry_timestamp_seconds",
            "When the certificate in use, and the last of the trusted authorities, expire.",
            ["what"],
            registry=registry,
        )
        self._tell()

    async def step(self) -> float:
        """One look. Returns seconds until the next."""
        self._tls.reload()
        self._tell()
        return LOOK_AGAIN_SECONDS

    def _tell(self) -> None:
        material, now = self._tls.material, self._tls.now()
        self._expiry.labels("authority").set(material.authorities_expire.timestamp())
        ends = material.authorities_expire
        if material.own is not None:
            self._expiry.labels("certificate").set(material.own.expires.timestamp())
            ends = min(ends, material.own.expires)
        if ends - now > WARN_BEFORE:
            self._warned = None
        elif self._warned is None or now - self._warned >= _WARN_AGAIN:
            self._warned = now
            if ends > now:
                log.warning("certificate_expires_soon", expires=ends.isoformat(), days_left=(ends - now).days)
            else:
                log.error("certificate_expired", expires=ends.isoformat())
