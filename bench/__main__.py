"""`python -m bench [QUESTION …] [--quick]`: asks, writes bench/results and docs/performance.md, prints the goals."""

import argparse
import asyncio
import sys
import time
import traceback
from collections.abc import Sequence

from bench import busy, machine, results, table
from bench.answer import Answer
from bench.catalogue import QUESTIONS, Question, named, seconds_for
from bench.effort import Effort
from bench.results import Result


def main() -> int:
    """Exits 1 if a question could not be answered, or if anything was lost; a goal that is not met is an answer."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Asks the questions of bench/questions.")
    names = [question.name for question in QUESTIONS]
    parser.add_argument("questions", nargs="*", metavar="QUESTION", help=f"all, unless said: {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="smaller, fewer rounds: to look at, not to judge")
    options = parser.parse_args()
    if unknown := set(options.questions) - set(names):
        parser.error(f"no such question: {', '.join(sorted(unknown))}")
    asked = all_answered(named(options.questions, quick=options.quick), quick=options.quick)
    if not options.quick:
        _report()
    return told(asked)


def all_answered(asked: Sequence[Question], *, quick: bool) -> list[Result]:
    """One after the other; who comes later has less time if who came before took too much."""
    begun, planned, found = time.monotonic(), 0.0, []
    for number, question in enumerate(asked):
        late = time.monotonic() - begun - planned
        seconds = seconds_for(asked[number:], late, quick=quick)
        found.append(answered(question, seconds, quick=quick))
        planned += question.may_take(quick=quick)
    return found


def answered(question: Question, seconds: float, *, quick: bool) -> Result:
    """Asks one question and writes the file; a fault is an answer too."""
    sys.stderr.write(f"{question.name}: {question.words}\n")
    circumstances, at = machine.machine(), results.now()
    _warn("before", circumstances["busy_before"])
    before, answer, fault = busy.usage(), Answer(), ""
    try:
        answer = asyncio.run(question.asked(Effort(quick, seconds)))
    except Exception as error:  # noqa: BLE001 - the other questions can still be asked
        traceback.print_exc()
        fault = f"{type(error).__name__}: {error}"
    after = busy.usage()
    others = before.others_until(after)
    _warn("during", others)
    result = Result(
        question=question.name,
        words=question.words,
        at=at,
        quick=quick,
        seconds=after.at - before.at,
        machine=circumstances,
        versions=machine.versions(),
        busy=others,
        answer=answer,
        fault=fault,
    )
    result.write()
    used = f"{result.seconds:.0f} s, {after.ours - before.ours:.0f} s of processor time"
    sys.stderr.write(f"{table.plain(answer.rows)}\n  {used}\n\n")
    return result


def told(asked: Sequence[Result]) -> int:
    """Prints every row that has a goal, one line each, and what went wrong; the exit code."""
    print(table.plain(table.judged(row for result in asked for row in result.answer.rows)))
    if any(result.quick for result in asked):
        print("A quick run: smaller than the goals mean it, and too short to judge them.")
    for result in asked:
        if result.fault:
            print(f"{result.question}: no answer: {result.fault}")
        for check in result.answer.broken:
            print(f"{result.question}: does not count: {check.what}: {check.found:g}, wanted {check.wanted:g}")
        if result.disturbed:
            print(f"{result.question}: other processes used {result.busy:.0%} of the cores: measure again")
    print(f"{sum(result.seconds for result in asked) / 60:.1f} minutes; raw rounds in bench/results")
    return 0 if all(result.sound for result in asked) else 1


def _warn(when: str, others: float) -> None:
    if others > busy.TOLERATED:
        sys.stderr.write(f"  busy: other processes use {others:.0%} of the cores {when} this question\n")


def _report() -> None:
    """Imports what draws only now, so that it lies in no memory while something is measured."""
    from bench import report

    report.write()


if __name__ == "__main__":
    sys.exit(main())
