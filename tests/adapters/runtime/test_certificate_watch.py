"""While a room serves: new certificates are taken over by themselves, the end of the old ones is told in time."""

from datetime import timedelta

import pytest
from adapters.runtime.secured import an_authority, files_of, renew
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from pager_grpc.runtime.certificate_watch import CertificateWatch
from pager_grpc.runtime.tls import Tls, utc_now


class Moved:
    """A clock that is ahead of the real one."""

    ahead = timedelta()

    def __call__(self):
        return utc_now() + self.ahead


@pytest.fixture
def folder(tmp_path):
    return an_authority(tmp_path / "ours")


@pytest.fixture
def registry():
    return CollectorRegistry()


def expiry(registry, what="certificate"):
    return registry.get_sample_value("certificate_expiry_timestamp_seconds", {"what": what})


def warnings(logged):
    return [line["days_left"] for line in logged if line["event"] == "certificate_expires_soon"]


async def test_what_is_renewed_is_taken_over_at_the_next_look_and_the_metric_follows(folder, registry):
    tls = Tls(files_of(folder, "policy"), "policy")
    watch = CertificateWatch(tls, registry)
    before = expiry(registry)
    assert before == tls.material.own.expires.timestamp()
    renew(folder, lifetime=timedelta(days=200))
    assert await watch.step() > 0
    assert expiry(registry) - before > timedelta(days=100).total_seconds()
    assert expiry(registry, "authority") > expiry(registry)


async def test_in_the_last_14_days_the_log_warns_once_a_day_until_it_is_renewed(folder, registry):
    clock = Moved()
    watch = CertificateWatch(Tls(files_of(folder, "policy"), "policy", clock), registry)
    told = []
    for days in (75.5, 76.5, 76.9, 77.6, 78.7):
        clock.ahead = timedelta(days=days)
        with capture_logs() as logged:
            await watch.step()
        told.append(warnings(logged))
    assert told == [[], [13], [], [12], [11]]
    renew(folder, lifetime=timedelta(days=200))
    with capture_logs() as logged:
        await watch.step()
    assert warnings(logged) == []


async def test_an_authority_that_ends_first_is_what_the_warning_is_about(folder, registry):
    clock = Moved()
    renew(folder, lifetime=timedelta(days=3700))
    watch = CertificateWatch(Tls(files_of(folder, "policy"), "policy", clock), registry)
    clock.ahead = timedelta(days=3640.5)
    with capture_logs() as logged:
        await watch.step()
    assert warnings(logged) == [9]


async def test_what_has_expired_stays_in_use_rather_than_nothing_and_is_told(folder, registry):
    clock = Moved()
    tls = Tls(files_of(folder, "policy"), "policy", clock)
    watch = CertificateWatch(tls, registry)
    clock.ahead = timedelta(days=91)
    with capture_logs() as logged:
        await watch.step()
    assert [line["event"] for line in logged] == ["certificate_expired"]
    assert tls.material.own.expires < clock()
