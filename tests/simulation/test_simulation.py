"""The promises under 2,000 seeds of faults. A failing seed is told in full; alone: ``make simulate SEEDS=17,``."""

import pytest
from simulation.commands import simulate
from simulation.regression_seeds import SEEDS

CHUNKS, SEEDS_A_CHUNK = 4, 500
_PATIENCE_SECONDS = 900


@pytest.mark.timeout(_PATIENCE_SECONDS)
def test_a_seed_that_ever_failed_fails_no_more():
    ended = simulate(",".join(map(str, SEEDS)) + ",")
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.timeout(_PATIENCE_SECONDS)
@pytest.mark.parametrize("first", range(0, CHUNKS * SEEDS_A_CHUNK, SEEDS_A_CHUNK))
def test_every_promise_holds_whatever_fails(first):
    ended = simulate(f"{first}-{first + SEEDS_A_CHUNK - 1}")
    assert ended.returncode == 0, ended.stdout + ended.stderr
