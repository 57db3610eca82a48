"""A world full of canaries: providers that quote what they were given, secret settings, every metric served."""

import asyncio
import json
import re
import sqlite3
import subprocess
import sys
from base64 import b64encode
from collections import deque
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import asyncpg
import collector
import grpc
import httpx
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from canaries.strings import (
    API_KEY,
    DATABASE_PASSWORD,
    GATEWAY_TOKEN,
    HEARTBEAT_TOKEN,
    MAIL_PASSWORD,
    SERVICE_SECRET,
)
from end_to_end.world import MailServer, SmsGateway, World, free_port
from sqlalchemy import make_url

from pager_domain.access.keys import hash_of
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc

PATIENCE = 15
GATEWAY_LOGIN = f"Basic {b64encode(f'AC1:{GATEWAY_TOKEN}'.encode()).decode()}"


class QuotingMailServer(MailServer):
    """Wants a login; answers recipients with ``answers`` while there are any, each with the address in it."""

    def __init__(self) -> None:
        self.letters: list[Any] = []
        self.answers = deque(["451 4.7.1 <{}> is greylisted", "550 5.1.1 no user {} here"])
        self.passwords: set[str] = set()
        port = free_port()
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=port,
            authenticator=self._let_in,
            auth_require_tls=False,
        )
        self._controller.start()
        self.url = f"smtp://mailer:{MAIL_PASSWORD}@127.0.0.1:{port}"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.answers:
            return self.answers.popleft().format(address)
        envelope.rcpt_tos.append(address)
        return "250 known"

    def _let_in(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, login: Any) -> AuthResult:
        self.passwords.add(login.password.decode())
        return AuthResult(success=True)


class QuotingSmsGateway(SmsGateway):
    """Refuses the first text message, quoting the number and the text; afterwards it takes all."""

    def __init__(self) -> None:
        super().__init__()
        self.logins: set[str] = set()
        take, gateway = self._server.RequestHandlerClass.do_POST, self
        refusals = deque([429, 400])

        def quoting(handler: Any) -> None:
            gateway.logins.add(handler.headers["Authorization"])
            if not refusals:
                take(handler)
                return
            said = handler.rfile.read(int(handler.headers["Content-Length"])).decode()
            number = re.search(r"To=([^&]*)", said)[1]
            answer = json.dumps({"code": 21211, "message": f"'To' number {number} of {said} is no number"}).encode()
            handler.send_response(refusals.popleft())
            handler.send_header("Content-Length", str(len(answer)))
            handler.end_headers()
            handler.wfile.write(answer)

        self._server.RequestHandlerClass.do_POST = quoting


class WorldOfCanaries(World):
    """As a :class:`World`, its doors closed; ``said`` is everything that callers were told by refused calls."""

    def __init__(self, data: Path, databases: dict[str, str]) -> None:
        self.said: list[str] = []
        self.metrics = {room: free_port() for room in ("pager", "policy", "notifier")}
        self._spans = data / "spans.json"
        self._collector = subprocess.Popen(
            [sys.executable, collector.__file__, self._spans], stdout=subprocess.PIPE, text=True
        )
        super().__init__(data, databases, mail=QuotingMailServer(), sms=QuotingSmsGateway())

    def __post_init__(self) -> None:
        super().__post_init__()
        shared = self.data / "service-secret"
        shared.touch(mode=0o600)
        shared.write_text(SERVICE_SECRET)
        key_id, _, secret_part = API_KEY.removeprefix("pgr_").partition("_")
        secret = {
            "PAGERD_ACCESS": "required",
            "PAGERD_INSECURE": "1",
            "PAGERD_SERVICE_SECRET_FILE": str(shared),
            "PAGERD_ADMIN_KEY_HASH": f"{key_id}:{hash_of(secret_part).hex()}",
            "NOTIFIER_SMS_TOKEN": GATEWAY_TOKEN,
            # Nobody listens there: what is said about a failed call is looked at, too.
            "PAGER_HEARTBEAT_URL": f"http://127.0.0.1:{free_port()}/{HEARTBEAT_TOKEN}",
            "PAGERD_LOG_LEVEL": "debug",
            "PAGERD_TRACES_ENDPOINT": self._collector.stdout.readline().strip(),
            "POLICY_NOTIFIER_TARGET": self.rooms["notifier"].address,
        }
        for name, room in self.rooms.items():
            serving = {f"{name.upper()}_METRICS_LISTEN": f"127.0.0.1:{self.metrics[name]}"}
            room.environment |= secret | serving

    def ask(self, room: str, stub: Any, method: str, request: Any, key: str = API_KEY) -> Any:
        """The answer, or None if the call is refused; then what the caller was told is kept."""
        return asyncio.run(self._ask(self.rooms[room].address, stub, method, request, key))

    def call(self, method: str, request: Any, label: str = "pager", timeout: float = PATIENCE) -> Any:
        """One call of the pager that succeeds."""
        answer = self.ask(label, pb_grpc.PagerServiceStub, method, request)
        assert answer is not None, self.said[-1]
        return answer

    async def _ask(self, address: str, stub: Any, method: str, request: Any, key: str) -> Any:
        async with grpc.aio.insecure_channel(address) as channel:
            try:
                shown = (("authorization", f"Bearer {key}"),)
                return await getattr(stub(channel), method)(request, timeout=PATIENCE, metadata=shown)
            except grpc.aio.AioRpcError as error:
                told = [error.initial_metadata(), error.trailing_metadata()]
                self.said.append(f"{method}: {error.code()} {error.details()} {[list(each or ()) for each in told]}")
                return None

    def stop_rooms(self) -> None:
        """Everything is written, and the files are nobody's any more."""
        assert {room.stop() for room in self.rooms.values()} == {0}

    def traced(self) -> dict[str, str]:
        """What the collector of spans was sent by rooms, which send in batches: at first there is nothing."""
        return {"spans": self._spans.read_text() if self._spans.exists() else ""}

    def stop(self) -> dict[str, int]:
        """Of the collector nothing is expected."""
        self._collector.kill()
        self._collector.wait()
        self._collector.stdout.close()
        return super().stop()

    def scraped(self) -> dict[str, str]:
        """What each room serves as its metrics."""
        ask = httpx.Client(trust_env=False)
        with ask:
            return {
                f"{room} metrics": ask.get(f"http://127.0.0.1:{p}/metrics").text for room, p in self.metrics.items()
            }

    def logs(self) -> dict[str, str]:
        """What each process wrote, on either stream."""
        return {f"{label} log": room.log.read_text() for label, room in self.rooms.items()}


def dumped(url: str) -> dict[str, bytes]:
    """Everything in a database that nobody uses any more, by table; of a SQLite file its bytes and those beside it."""
    if (file := make_url(url).database or "").endswith(".db"):
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA integrity_check")
        return {path.name: path.read_bytes() for path in Path(file).parent.glob(f"{Path(file).name}*")}
    return asyncio.run(_copied(url.replace("+asyncpg", "")))


def with_password(url: str) -> str:
    """A PostgreSQL that trusts whoever is there takes any password; a file has none."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return url
    return parsed.set(password=DATABASE_PASSWORD).render_as_string(hide_password=False)


async def _copied(url: str) -> dict[str, bytes]:
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row[0]: await _table(connection, row[0]) for row in tables}
    finally:
        await connection.close()


async def _table(connection: Any, name: str) -> bytes:
    taken = BytesIO()
    await connection.copy_from_table(name, output=taken)
    return taken.getvalue()
