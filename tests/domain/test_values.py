"""Values compare, hash and change as frozen dataclasses do; what may not be changed is the type checker's to say."""

import subprocess
from dataclasses import field, replace

import pytest
from house.sources import ROOT, VENV_BIN

from pager_domain.values import changed, value


@value
class Pair:
    first: int
    second: tuple[int, ...] = field(default=())

    def __post_init__(self):
        if self.first < 0:
            raise ValueError("first")


@value
class Alone:
    only: str


def test_equal_values_are_one_key():
    assert {Pair(1, (2,)): "found"}[Pair(1, (2,))] == "found"
    assert Pair(1) != Pair(2)


def test_a_change_is_that_of_dataclasses():
    known = Pair(1, (2,))
    assert changed(known, second=(3,)) == replace(known, second=(3,)) == Pair(1, (3,))
    assert known == Pair(1, (2,))
    assert changed(Alone("a"), only="b") == Alone("b")


def test_a_change_is_checked_like_a_new_value():
    with pytest.raises(ValueError, match="first"):
        changed(Pair(1), first=-1)


def test_a_field_that_there_is_not_is_refused():
    with pytest.raises(KeyError):
        changed(Pair(1), third=3)
    with pytest.raises(AttributeError):
        Pair(1).third = 3


def test_the_type_checker_refuses_to_change_a_value(tmp_path):
    source = tmp_path / "changing.py"
    source.write_text("from pager_domain.pager.events import Alert\n\nAlert('it burns').message = 'all is well'\n")
    checked = subprocess.run(
        [VENV_BIN / "mypy", "--cache-dir", tmp_path, source], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert 'Property "message" defined in "Alert" is read-only' in checked.stdout
