"""`python -m bench.guard`: asks the questions of bench/floors.toml in little time; exits 1 if a ratio got much worse.

Ratios of one run, so that the machine matters little; a ratio that fails is measured again with three times the rounds
before it counts as broken.
"""

import asyncio
import sys
import traceback
from collections.abc import Sequence
from time import monotonic

from bench import busy
from bench.answer import Row
from bench.catalogue import QUESTIONS, Question
from bench.effort import Effort
from bench.folders import ROOT
from bench.judgement import Floor, Verdict, broken, floors_of, verdicts

FLOORS = ROOT / "bench" / "floors.toml"
SECONDS = 170.0
_AGAIN = 3


def main() -> int:
    """Exits 0 if every floor holds, at the first or the second look."""
    begun, before = monotonic(), busy.usage()
    floors = floors_of(FLOORS.read_text())
    found = _looked_at(floors, times=1, seconds=None)
    if failed := broken(found):
        print(f"{len(failed)} below the floor: measured again", flush=True)
        again = _looked_at([each.floor for each in failed], times=_AGAIN, seconds=SECONDS - (monotonic() - begun))
        found = [verdict for verdict in found if verdict.holds] + again
    print(f"others used {before.others_until(busy.usage()):.0%} of the cores; {monotonic() - begun:.0f} s")
    return 1 if broken(found) else 0


def _looked_at(floors: Sequence[Floor], *, times: int, seconds: float | None) -> list[Verdict]:
    """Asks each question once, within ``seconds`` together, and prints what became of the floors."""
    names = {floor.question for floor in floors}
    asked = [question for question in QUESTIONS if question.name in names]
    rows = {}
    for question in asked:
        share = question.quick_seconds if seconds is None else max(0.0, seconds) / len(asked)
        rows[question.name] = _rows(question, Effort(quick=True, seconds=share, times=times))
    found = verdicts(floors, rows)
    print("\n".join(map(str, found)), flush=True)
    return found


def _rows(question: Question, effort: Effort) -> list[Row]:
    """None if the question has no answer, or one that does not count: then its floors do not hold."""
    sys.stderr.write(f"{question.name}: {question.words}\n")
    try:
        answer = asyncio.run(question.asked(effort))
    except Exception:  # noqa: BLE001 - the other questions can still be asked
        traceback.print_exc()
        return []
    for check in answer.broken:
        print(f"{question.name}: does not count: {check.what}: {check.found:g}, wanted {check.wanted:g}")
    return [] if answer.broken else answer.rows


if __name__ == "__main__":
    sys.exit(main())
