"""`python -m bench.guard`: asks the questions of bench/floors.toml in little time; exits 1 if a ratio got much worse.

Ratios of one run, so that the machine matters little; a ratio that fails is measured again with more rounds before it
counts as broken.
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
from bench.judgement import Floor, broken, floors_of, judged

FLOORS = ROOT / "bench" / "floors.toml"
SECONDS = 150.0


def main() -> int:
    """Exits 0 if every floor holds, at the first or the second look."""
    before = busy.usage()
    end = before.at + SECONDS

    def look(floors: Sequence[Floor], times: int) -> dict[str, list[Row]]:
        names = {floor.question for floor in floors}
        asked = [question for question in QUESTIONS if question.name in names]
        left = max(0.0, end - monotonic())
        shares = {question.name: question.quick_seconds if times == 1 else left / len(asked) for question in asked}
        return {each.name: _rows(each, Effort(quick=True, seconds=shares[each.name], times=times)) for each in asked}

    found = judged(floors_of(FLOORS.read_text()), look)
    after = busy.usage()
    print("\n".join(map(str, found)))
    print(f"{after.at - before.at:.0f} s; others used {before.others_until(after):.0%} of the cores")
    return 1 if broken(found) else 0


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
