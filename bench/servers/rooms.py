"""The product as processes: a pager alone, or all three rooms with a mail server at the end."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.processes import Child, child, cpu_seconds, free_ports, python, resident_mib
from bench.servers.databases import Store
from pager_grpc.daemon.serving import until_serving

CATCH_ALL = "catch-all@example.com"
ADDRESS_KEY = "dGhlIGJlbmNobWFyayBzZWFscyB3aXRoIHRoaXMga2U="


@dataclass(frozen=True, slots=True)
class Pager:
    """A pager that serves the empty call too."""

    child: Child
    port: int

    @property
    def target(self) -> str:
        """Where to call."""
        return f"127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """Processor time so far."""
        return cpu_seconds(self.child.pid)

    def resident_mib(self) -> float:
        """Memory now."""
        return resident_mib(self.child.pid)


@dataclass(frozen=True, slots=True)
class Letter:
    """An e-mail that was complete ``at`` (monotonic seconds) and carries so many ``pages``."""

    at: float
    recipient: str
    message_id: str
    pages: int


class MailSink:
    """The mail server's own record."""

    def __init__(self, port: int, record: Path) -> None:
        self.port = port
        self._record = record

    def letters(self, after: int = 0) -> list[Letter]:
        """What came, without the first ``after``."""
        lines = self._record.read_text().splitlines() if self._record.exists() else []
        parts = (line.split(" ") for line in lines[after:])
        return [Letter(int(at) / 1e9, recipient, name, int(pages)) for at, recipient, name, pages in parts]


@dataclass(frozen=True, slots=True)
class World:
    """All that a page needs from the first call to the last hop."""

    pager: Pager
    policy: str
    mail: MailSink
    rooms: Mapping[str, Child]


@contextmanager
def running_pager(
    store: Store,
    *,
    name: str = "pager",
    paging: bool = False,
    shares_commits: bool = False,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Pager]:
    """A pager on ``store``; unless told otherwise by ``settings`` it finds no policy service and no notifier.

    With ``shares_commits`` it serves the empty call that waits for a shared commit, too.
    """
    nobody = free_ports(("policy", "notifier"))
    environment = {
        "PAGER_LISTEN": "127.0.0.1:0",
        "PAGERD_STREAMS": "1000",  # one connection is to carry all that a question has in flight
        "PAGER_CATCH_ALL_EMAIL": CATCH_ALL,
        "PAGER_ADDRESS_KEYS": ADDRESS_KEY,
        "PAGERD_DATA": str(store.folder),
        "PAGER_POLICY_TARGET": f"127.0.0.1:{nobody['policy']}",
        "PAGER_NOTIFIER_TARGET": f"127.0.0.1:{nobody['notifier']}",
        **store.settings,
        **(settings or {}),
    }
    options = [*([] if paging else ["--accept-only"]), *(["--shared-commit"] if shares_commits else [])]
    command = python("bench.servers.pager_and_empty", *options)
    with child(*command, folder=store.folder, name=name, environment=environment, piped=True) as process:
        yield Pager(process, process.first_line()["port"])


@asynccontextmanager
async def running_world(store: Store, settings: Mapping[str, str] | None = None) -> AsyncIterator[World]:
    """Three rooms on the databases of ``store``, and the mail server that pages end at."""
    ports = free_ports(("policy", "notifier"))
    targets = {room: f"127.0.0.1:{port}" for room, port in ports.items()}
    with running_mail_sink(store.folder) as mail:
        environment = {
            "PAGERD_DATA": str(store.folder),
            "NOTIFIER_SMTP_URL": f"smtp://127.0.0.1:{mail.port}",
            "NOTIFIER_EMAIL_FROM": "pager@example.com",
            **{f"{room.upper()}_LISTEN": target for room, target in targets.items()},
            **{f"PAGER_{room.upper()}_TARGET": target for room, target in targets.items()},
            **store.settings,
            **(settings or {}),
        }
        with _room("policy", store, environment) as policy, _room("notifier", store, environment) as notifier:
            for target in targets.values():
                await until_serving(target)
            with running_pager(store, paging=True, settings=environment) as pager:
                rooms = {"pager": pager.child, "policy": policy, "notifier": notifier}
                yield World(pager, targets["policy"], mail, rooms)


@contextmanager
def running_mail_sink(folder: Path) -> Iterator[MailSink]:
    """A mail server that takes everything and remembers when."""
    record = folder / "letters.txt"
    command = python("bench.servers.mail_sink", str(record))
    with child(*command, folder=folder, name="mail_sink", piped=True) as process:
        yield MailSink(process.first_line()["port"], record)


def _room(room: str, store: Store, environment: Mapping[str, str]) -> AbstractContextManager[Child]:
    return child(*python(f"pager_grpc.{room}"), folder=store.folder, name=room, environment=environment)
