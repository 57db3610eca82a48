"""What is built is built from what was looked at."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from house.sources import PACKAGES, ROOT, VENV_BIN

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
_PINNED = re.compile(r"^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
_LOCKED = re.compile(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==([^ ;]+)", re.MULTILINE)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit_and_says_its_version(workflow: Path):
    used = re.findall(r"uses: (.+)$", workflow.read_text(), re.MULTILINE)
    assert [action for action in used if not _PINNED.match(action)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read_and_runs_nothing_of_a_stranger_with_rights(workflow: Path):
    document = yaml.safe_load(workflow.read_text())
    assert document["permissions"] == {"contents": "read"}
    # YAML 1.1 reads the key `on` as true.
    assert "pull_request_target" not in document[True]


def test_the_bill_of_materials_names_exactly_what_is_locked(tmp_path: Path):
    made = tmp_path / "sbom.json"
    command = [VENV_BIN / "cyclonedx-py", "requirements", "requirements.lock", "--output-reproducible", "-o", made]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore::UserWarning"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    components = json.loads(made.read_text())["components"]
    locked = set(_LOCKED.findall((ROOT / "requirements.lock").read_text()))
    assert {(component["name"], component["version"]) for component in components} == locked
    assert all(component["externalReferences"][0]["hashes"] for component in components)


def test_the_same_sources_make_the_same_wheel_byte_by_byte(tmp_path: Path):
    assert _wheel_built_in(tmp_path / "here") == _wheel_built_in(tmp_path / "there")


def _wheel_built_in(folder: Path) -> bytes:
    # Copies have times of their own, so that a time of a file in the wheel would be seen.
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored, copy_function=shutil.copyfile)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / file, folder / file)
    build = [VENV_BIN / "python", "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "made"]
    subprocess.run(
        build, cwd=folder, env={**os.environ, "SOURCE_DATE_EPOCH": "1767225600"}, check=True, capture_output=True
    )
    [wheel] = (folder / "made").glob("*.whl")
    return wheel.read_bytes()
