"""Every input that was worth keeping goes through its target again, and so does noise."""

from pathlib import Path

import pytest
from fuzz.targets import TARGETS
from hypothesis import given, settings
from hypothesis import strategies as st

CORPUS = Path(__file__).with_name("corpus")
INPUTS = sorted(CORPUS.rglob("*.bin"))


@pytest.mark.parametrize("file", INPUTS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_an_input_of_the_corpus_is_read_or_refused(file):
    TARGETS[file.parent.name](file.read_bytes())


@pytest.mark.parametrize("name", list(TARGETS))
def test_noise_is_read_or_refused(name):
    @settings(max_examples=100, derandomize=True, database=None)
    @given(st.binary(max_size=60) | st.text(max_size=30).map(str.encode))
    def tried(data):
        TARGETS[name](data)

    tried()


def test_every_target_has_a_corpus_of_small_files():
    assert {file.parent.name for file in INPUTS} == set(TARGETS)
    assert all(file.stat().st_size <= 4096 for file in INPUTS)
