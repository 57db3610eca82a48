"""`python -m bench [QUESTION …] [--quick]`: asks, writes bench/results, prints the table."""

import argparse
import asyncio
import sys
import time
import traceback
from collections.abc import Sequence

from bench import machine, results, table
from bench.answer import Answer
from bench.catalogue import QUESTIONS, Question
from bench.effort import Effort
from bench.results import Result


def main() -> int:
    """Exits 1 if a question could not be answered, or if anything was lost; a goal that is not met is an answer."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Asks the questions of bench/questions.")
    names = [question.name for question in QUESTIONS]
    parser.add_argument("questions", nargs="*", metavar="QUESTION", help=f"all, unless said: {', '.join(names)}")
    parser.add_argument(
        "--quick", action="store_true", help="smaller and fewer rounds: figures to look at, not to judge"
    )
    options = parser.parse_args()
    if unknown := set(options.questions) - set(names):
        parser.error(f"no such question: {', '.join(sorted(unknown))}")
    asked = [question for question in QUESTIONS if not options.questions or question.name in options.questions]
    return told([answered(question, Effort(quick=options.quick)) for question in asked])


def answered(question: Question, effort: Effort) -> Result:
    """Asks one question and writes the file; a fault is an answer too."""
    sys.stderr.write(f"{question.name}: {question.words}\n")
    circumstances, at, begun = machine.machine(), results.now(), time.monotonic()
    answer, fault = Answer(), ""
    try:
        answer = asyncio.run(question.asked(effort))
    except Exception as error:  # noqa: BLE001 - the other questions can still be asked
        traceback.print_exc()
        fault = f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - begun
    versions = machine.versions()
    result = Result(question.name, question.words, at, effort.quick, seconds, circumstances, versions, answer, fault)
    result.write()
    sys.stderr.write(f"{table.plain(answer.rows)}\n  {seconds:.0f} s\n\n")
    return result


def told(asked: Sequence[Result]) -> int:
    """Prints every row that has a goal, and what went wrong; the exit code."""
    print(table.plain(row for result in asked for row in result.answer.rows if row.limit is not None))
    if any(result.quick for result in asked):
        print("A quick run: smaller than the goals mean it, and too short to judge them.")
    for result in asked:
        if result.fault:
            print(f"{result.question}: no answer: {result.fault}")
        for check in result.answer.broken:
            print(
                f"{result.question}: the figures do not count: {check.what}: {check.found:g}, wanted {check.wanted:g}"
            )
    print(f"{sum(result.seconds for result in asked) / 60:.1f} minutes; raw rounds in bench/results")
    return 0 if all(result.sound for result in asked) else 1


if __name__ == "__main__":
    sys.exit(main())
