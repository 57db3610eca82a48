"""What `pip install hexagonal-pager` brings: built as for a release, installed beside the locked dependencies, used."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from house.sources import PACKAGES, ROOT, files

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
NOT_IN_A_TREE = shutil.ignore_patterns(
    *(
        ".git",
        ".venv",
        ".prometheus*",
        "var",
        "build",
        "dist",
        "*.egg-info",
        "__pycache__",
        ".hypothesis",
        ".*_cache",
        "node_modules",
    )
)
SCRIPT = """
import asyncio
from datetime import timedelta
from pager_grpc.client import Alert, BlockingPagerClient, NotAnswered, PagerClient, Refused

async def main() -> None:
    async with PagerClient("127.0.0.1:50051", timeout=2.5) as pager:
        raised = await pager.raise_alert("checkout", "Card payments fail", severity="error")
        reveal_type(raised)
        async for alert, result in pager.raise_alerts([Alert(service="s", message="m")]):
            reveal_type(result.error_reason)
        await pager.snooze("checkout", timedelta(hours=1), by="ana")

with BlockingPagerClient("127.0.0.1:50051") as blocking:
    reveal_type(blocking.get_incident("i").state)
"""
MISTAKE = """
from pager_grpc.client import BlockingPagerClient
BlockingPagerClient("127.0.0.1:50051").raise_alert("checkout", "m", severity="awful")
"""


def run(*command, cwd, code=0, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PAGER", "PYTHON"))}
    done = subprocess.run(command, cwd=cwd, env=kept | environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, (command, done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout


@pytest.fixture
def built(tmp_path):
    """The source distribution, and the wheel that is made of it."""
    tree = tmp_path / "tree"
    shutil.copytree(ROOT, tree, ignore=NOT_IN_A_TREE)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path / "dist"), str(tree), cwd=tmp_path)
    (sdist,) = (tmp_path / "dist").glob("*.tar.gz")
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    return sdist, wheel


@pytest.fixture
def installed(built, tmp_path):
    """The folder of the commands, in an environment that has the wheel and sees the dependencies that are here."""
    environment = tmp_path / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", str(environment), cwd=tmp_path)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    commands = environment / "bin"
    uv = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-deps")
    run(*uv, "--python", str(commands / "python"), str(built[1]), cwd=tmp_path)
    return commands


def test_what_is_installed_runs_is_typed_and_is_whole(built, installed, tmp_path):
    _the_source_distribution_is_the_tree(built[0])
    _the_wheel_holds_the_packages_and_nothing_else(built[1])
    _the_commands_run_from_the_wheel(installed, tmp_path)
    _a_users_script_is_checked(installed, tmp_path)


def _the_source_distribution_is_the_tree(sdist):
    with tarfile.open(sdist) as archive:
        names = {Path(*Path(member.name).parts[1:]) for member in archive.getmembers() if member.isfile()}
    assert {path.relative_to(ROOT) for path in files()} - names == set()


def _the_wheel_holds_the_packages_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {*archive.namelist()}
        metadata = message_from_bytes(archive.read(f"hexagonal_pager-{VERSION}.dist-info/METADATA"))
    assert {
        name.partition("/")[0].removesuffix(f"-{VERSION}.data").removesuffix(f"-{VERSION}.dist-info") for name in names
    } == {
        *PACKAGES,
        "hexagonal_pager",
    }
    needed = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert needed <= names
    assert {f"hexagonal_pager-{VERSION}.data/data/share/man/man1/{name}.1" for name in ("pagerctl", "pagerd")} <= names
    assert (metadata["Version"], metadata["License-Expression"]) == (VERSION, "Apache-2.0")
    assert "Typing :: Typed" in metadata.get_all("Classifier")


def _the_commands_run_from_the_wheel(commands, folder):
    assert run(commands / "pagerd", "--version", cwd=folder) == f"pagerd {VERSION}\n"
    assert run(commands / "pagerctl", "--version", cwd=folder) == f"pagerctl {VERSION}\n"
    packages = ", ".join(PACKAGES)
    where = f"import {packages}; print(*(package.__file__ for package in ({packages})))"
    for path in run(commands / "python", "-c", where, cwd=folder).split():
        assert Path(path).is_relative_to(commands.parent)
    assert '"$schema"' in run(commands / "pagerctl", "schema", cwd=folder)
    for room in ("pager", "policy", "notifier"):
        told = run(commands / "pagerd", "migrate", room, cwd=folder, PAGER_CATCH_ALL_EMAIL="a@example.com")
        assert "schema is at revision" in told


def _a_users_script_is_checked(commands, folder):
    script, mistake = folder / "script.py", folder / "mistake.py"
    script.write_text(SCRIPT)
    mistake.write_text(MISTAKE)
    mypy = (sys.executable, "-m", "mypy", "--strict", "--python-executable", str(commands / "python"), "--config-file=")
    told = run(*mypy, str(script), str(mistake), *_written_in_documents(folder), cwd=folder, code=1)
    for revealed in ("RaiseAlertResponse", "ErrorReason", "Incident._State"):
        assert any("Revealed type" in line and revealed in line for line in told.splitlines()), told
    (error,) = (line for line in told.splitlines() if ": error:" in line)
    assert 'mistake.py:3: error: Argument "severity"' in error


def _written_in_documents(folder):
    """The Python of README and docs/client.md, each block as a file of its own."""
    texts = ((ROOT / name).read_text() for name in ("README.md", "docs/client.md"))
    blocks = [block for text in texts for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]
    assert len(blocks) >= 5
    for number, block in enumerate(blocks):
        (folder / f"block_{number}.py").write_text(block)
    return [str(folder / f"block_{number}.py") for number in range(len(blocks))]
