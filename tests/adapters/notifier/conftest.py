import ssl
import subprocess
from pathlib import Path

import pytest
from adapters.notifier.callers import Caller, settings
from canaries.watching import watched

from pager_grpc.notifier.bootstrap import running_notifier
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate


@pytest.fixture
async def database(database_url):
    """An open database with the notifier room's schema, once on each engine."""
    opened = open_database(database_url)
    await migrate(opened, "notifier")
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> tuple[Path, Path]:
    """A self-made certificate for localhost and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-out", str(cert), "-keyout", str(key)),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


@pytest.fixture
def server_tls(certificate) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def trusting_tls(certificate) -> ssl.SSLContext:
    """What a client needs to trust the self-made certificate."""
    return ssl.create_default_context(cafile=certificate[0])


@pytest.fixture
async def caller(tmp_path, database):
    calling = Caller()
    room = running_notifier(
        settings(tmp_path), database=database, email_sender=calling.mail, sms_sender=calling.gateway
    )
    async with room as port, calling.connect(port):
        yield calling


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that passed fails all the same if the room has logged somebody's address while it ran."""
    return watched(item, (yield))
