"""The planted bugs of scripts/mutants.py can still be planted."""

import tomllib

import pytest
from house.sources import ROOT

MUTANTS = tomllib.loads((ROOT / "tests" / "mutants.toml").read_text())["mutant"]


def test_there_are_at_least_twelve_with_names_of_their_own():
    assert len({mutant["name"] for mutant in MUTANTS}) == len(MUTANTS) >= 12


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant["name"])
def test_its_text_is_there_once_and_the_bug_is_another_text(mutant):
    assert (ROOT / mutant["file"]).read_text().count(mutant["old"]) == 1
    assert mutant["new"] != mutant["old"]
