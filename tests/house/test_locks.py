import re
import tomllib

import pytest
from house.sources import ROOT
from packaging.requirements import Requirement

LOCKED = re.compile(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^ ;]+)", re.MULTILINE)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUNTIME = PROJECT["dependencies"]
DEVELOPMENT = [*RUNTIME, *PROJECT["optional-dependencies"]["dev"]]


@pytest.mark.parametrize(("lock", "wanted"), [("requirements.lock", RUNTIME), ("requirements-dev.lock", DEVELOPMENT)])
def test_a_lock_satisfies_what_the_project_asks_for(lock: str, wanted: list[str]):
    locked = dict(LOCKED.findall((ROOT / lock).read_text()))
    for requirement in map(Requirement, wanted):
        name = requirement.name.lower().replace("_", "-")
        assert name in locked, f"{lock} lacks {name}; run: make lock"
        assert requirement.specifier.contains(locked[name]), f"{lock} has {name} {locked[name]}; run: make lock"


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_version_has_hashes_and_no_host(lock: str):
    text = (ROOT / lock).read_text()
    entries = re.split(r"\n(?=[a-z0-9])", text)
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text


def test_both_locks_agree_on_every_version():
    runtime = dict(LOCKED.findall((ROOT / "requirements.lock").read_text()))
    development = dict(LOCKED.findall((ROOT / "requirements-dev.lock").read_text()))
    assert runtime.items() <= development.items()
