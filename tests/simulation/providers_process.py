"""Starting the providers of :mod:`simulation.ground_truth`, telling them what to do, and reading what they took."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulation.history import HandOff
from simulation.moments import message_of

from pager_domain.notifier.messages import POSSIBLE_DUPLICATE_PREFIX
from pager_domain.pager.audit import IncidentRecord, PageRecord
from pager_domain.pager.targets import Channel
from pager_grpc.notifier.email_format import safe_name

PROGRAM = Path(__file__).with_name("ground_truth.py")


class UndecidableError(Exception):
    """Two pages say the same to the same phone, so that the log cannot tell them apart."""


@dataclass
class Providers:
    """The running process; ``command`` may be put before it, to run it elsewhere (``ip netns exec ...``)."""

    folder: Path
    host: str = "127.0.0.1"
    command: Sequence[str] = ()
    ports: dict[str, int] = field(default_factory=dict)
    _script: dict[str, dict[str, Any]] = field(default_factory=dict)
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def log(self) -> Path:
        return self.folder / "ground_truth.jsonl"

    @property
    def environment(self) -> dict[str, str]:
        """What the notifier must know of them."""
        return {
            "NOTIFIER_SMTP_URL": f"smtp://{self.host}:{self.ports['smtp']}",
            "NOTIFIER_EMAIL_FROM": "pager@example.com",
            "NOTIFIER_SMS_URL": f"http://{self.host}:{self.ports['sms']}",
            "NOTIFIER_SMS_ACCOUNT": "AC1",
            "NOTIFIER_SMS_TOKEN": "secret",
            "NOTIFIER_SMS_FROM": "+15005550006",
        }

    def start(self) -> "Providers":
        """Returns when both listen."""
        program = [*self.command, sys.executable, str(PROGRAM), str(self.log), str(self._script_file), self.host]
        # A session of its own: Ctrl-C is for the tests, which then stop it.
        self._process = subprocess.Popen(program, stdout=subprocess.PIPE, start_new_session=True)
        assert self._process.stdout is not None
        self.ports = json.loads(self._process.stdout.readline())
        return self

    def stop(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def behave(self, recipient: str, *steps: str) -> None:
        """From now on, messages for ``recipient`` meet ``steps``, one after the other; the last one lasts."""
        version = self._script.get(recipient, {"version": 0})["version"] + 1
        self._script[recipient] = {"version": version, "steps": steps}
        new = self._script_file.with_suffix(".new")
        new.write_text(json.dumps(self._script))
        new.replace(self._script_file)

    def lines(self, kind: str) -> list[dict[str, Any]]:
        """What was "asked" of them, or "taken"."""
        if not self.log.exists():
            return []
        # The last line may be on its way.
        whole, _, _ = self.log.read_bytes().rpartition(b"\n")
        return [line for line in map(json.loads, whole.splitlines()) if line["kind"] == kind]

    def hand_offs(
        self, records: Iterable[IncidentRecord], bundles: Mapping[str, str], *, about: str = ""
    ) -> list[HandOff]:
        """What was taken for recipients that contain ``about``, as the pages of ``records`` that it was.

        ``bundles`` are the words of each bundle, by its id.
        """
        pages = [page for record in records for page in record.pages]
        taken = [line for line in self.lines("taken") if about in line["recipient"]]
        return list(hand_offs(taken, pages, bundles))

    @property
    def _script_file(self) -> Path:
        return self.folder / "script.json"


def hand_offs(
    taken: Iterable[dict[str, Any]], pages: Iterable[PageRecord], bundles: Mapping[str, str]
) -> Iterator[HandOff]:
    """Lines of the log as the messages they were: an e-mail carries the id, a text is known by its words.

    What fits no page keeps a name that no page has, so that the checkers find it.

    Raises:
        UndecidableError: two of them are the same text for the same phone.
    """
    mails, texts = {}, {}
    for record in pages:
        page, message = record.notification, message_of(record)
        if page.channel is Channel.EMAIL:
            mails[safe_name(message)] = message
            continue
        words = bundles[record.bundle_id] if record.bundle_id else page.body
        if texts.setdefault((page.address, words), message) != message:
            raise UndecidableError(page)
    for line in taken:
        recipient, text = line["recipient"], line.get("text", "")
        if text:
            found = texts.get((recipient, text.removeprefix(POSSIBLE_DUPLICATE_PREFIX)), f"unknown text: {text}")
        else:
            found = mails.get(line["message_id"], line["message_id"])
        yield HandOff(found, recipient, line["at"])


@contextlib.contextmanager
def running_providers(folder: Path, **options: Any) -> Iterator[Providers]:
    """Providers while the body runs; their files stay in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    providers = Providers(folder, **options).start()
    try:
        yield providers
    finally:
        providers.stop()
