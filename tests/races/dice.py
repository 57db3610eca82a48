"""Chance that can be played again: a failure tells the seed, and PAGER_RACES_SEED gives it."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def seeded_dice() -> Iterator[random.Random]:
    """New dice; an exception that passes by takes the seed along."""
    seed = int(os.environ.get("PAGER_RACES_SEED") or random.randrange(2**32))  # noqa: S311 - to be played again
    try:
        yield random.Random(seed)  # noqa: S311 - the same
    except BaseException as failure:
        failure.add_note(f"PAGER_RACES_SEED={seed}")
        raise
