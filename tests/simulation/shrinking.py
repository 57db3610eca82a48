"""A failing run made smaller: what it does not need is left out while it still fails in the same way."""

import time
from collections.abc import Callable

from simulation.world import Outcome, run


def kinds(outcome: Outcome) -> set[str]:
    """The promises that a run breaks, by name."""
    return {violation.split()[0] for violation in outcome.violations}


def shrunk(
    failed: Outcome, seconds: float, again: Callable[[int, frozenset[str]], Outcome] = run
) -> tuple[Outcome, frozenset[str]]:
    """The smallest run found within ``seconds`` that breaks one of the same promises, and what was spared for it."""
    end = time.monotonic() + seconds
    best, spared = failed, frozenset[str]()
    size = max(len(failed.happened) // 2, 1)
    while time.monotonic() < end:
        smaller = _without_some(best, spared, size, end, again, kinds(failed))
        if smaller is not None:
            best, spared = smaller
        elif size == 1:
            break
        else:
            size //= 2
    return best, spared


def _without_some(
    best: Outcome,
    spared: frozenset[str],
    size: int,
    end: float,
    again: Callable[[int, frozenset[str]], Outcome],
    wanted: set[str],
) -> tuple[Outcome, frozenset[str]] | None:
    """The first run that still fails without ``size`` of the faults and calls that are left, the last ones first."""
    for start in range(len(best.happened) - size, -size, -size):
        if time.monotonic() > end:
            return None
        tried = spared | set(best.happened[max(start, 0) : start + size])
        outcome = again(best.seed, tried)
        if kinds(outcome) & wanted and len(outcome.happened) < len(best.happened):
            return outcome, tried
    return None
