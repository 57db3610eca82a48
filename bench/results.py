"""What a question answered, as a file: `bench/results/<name>.json` (`quick-<name>.json` of a quick run)."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.answer import Answer, Check, Row
from bench.busy import TOLERATED
from bench.folders import RESULTS

_FACTS = ("question", "words", "at", "quick", "seconds", "busy")
_LIST_OF_LEAVES = re.compile(r"\[\n[^\[\]{}]*\n *\]")


@dataclass(frozen=True, slots=True)
class Result:
    """An answer and its circumstances. ``fault`` is set where there is no answer.

    ``busy`` is the share of all cores that other processes used meanwhile, 0 to 1.
    """

    question: str
    words: str
    at: str
    quick: bool
    seconds: float
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    busy: float
    answer: Answer
    fault: str = ""

    @property
    def sound(self) -> bool:
        """Whether the figures count: there are some, and nothing was lost on the way to them."""
        return not self.fault and not self.answer.broken

    @property
    def disturbed(self) -> bool:
        """Whether others had too much of the machine for the figures to be trusted."""
        return self.busy > TOLERATED

    def write(self, folder: Path = RESULTS) -> Path:
        """The file, which replaces the one of the run before."""
        folder.mkdir(exist_ok=True)
        path = folder / f"{'quick-' if self.quick else ''}{self.question}.json"
        facts = {name: getattr(self, name) for name in _FACTS}
        answer = {
            "fault": self.fault,
            "rows": [row.as_json() for row in self.answer.rows],
            "checks": [asdict(check) | {"holds": check.holds} for check in self.answer.checks],
            "raw": self.answer.raw,
        }
        circumstances = {"machine": dict(self.machine), "versions": dict(self.versions)}
        path.write_text(_in_lines(facts | circumstances | answer))
        return path


def read(path: Path) -> Result:
    """What :meth:`Result.write` wrote."""
    found = json.loads(path.read_text())
    checks = [Check(check["what"], check["wanted"], check["found"]) for check in found["checks"]]
    return Result(
        answer=Answer([Row.from_json(row) for row in found["rows"]], checks, found["raw"]),
        **{name: found[name] for name in (*_FACTS, "machine", "versions")},
        fault=found["fault"],
    )


def now() -> str:
    """To the minute, in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _in_lines(found: Mapping[str, Any]) -> str:
    """JSON with a line for each fact, and a list of numbers in one line: long enough to be compared, and no longer."""
    text = json.dumps(_short(found), indent=1, ensure_ascii=False)
    return _LIST_OF_LEAVES.sub(lambda lines: "[" + " ".join(lines[0][1:-1].split()) + "]", text) + "\n"


def _short(value: Any) -> Any:
    """Numbers with six significant digits: nobody measured more, and the files stay small."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {str(key): _short(each) for key, each in value.items()}
    return [_short(each) for each in value] if isinstance(value, list | tuple) else value
