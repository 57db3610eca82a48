"""The loop that forgets: how long it rests, what it counts, what it says."""

import pytest
from prometheus_client import CollectorRegistry, Counter
from structlog.testing import capture_logs

from pager_grpc.runtime.forgetting import PAUSE_SECONDS, ForgettingLoop


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def loop_over(registry):
    """A loop over what is forgotten step by step."""

    def made(*steps):
        left = iter(steps)

        async def forget():
            return next(left)

        return ForgettingLoop(forget, Counter("forgotten_total", "Rows.", ["what"], registry=registry))

    return made


async def test_after_a_little_it_goes_on_soon_and_with_nothing_left_it_rests(loop_over):
    loop = loop_over(("incident", 7), None)
    assert 0 < await loop.step() < 10
    assert await loop.step() == PAUSE_SECONDS


async def test_rows_are_counted_by_what_they_were(loop_over, registry):
    loop = loop_over(("incident", 7), ("bundle", 1), ("incident", 2))
    for _ in range(3):
        await loop.step()
    assert registry.get_sample_value("forgotten_total", {"what": "incident"}) == 9
    assert registry.get_sample_value("forgotten_total", {"what": "bundle"}) == 1


async def test_what_went_is_told_once_when_nothing_is_left(loop_over):
    loop = loop_over(("incident", 7), ("incident", 2), ("bundle", 1), None, None)
    with capture_logs() as told:
        for _ in range(5):
            await loop.step()
    assert told == [{"event": "forgotten", "log_level": "info", "incident": 9, "bundle": 1}]
