import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from house.sources import ROOT, VENV_BIN, modules


def test_the_arrows_of_the_architecture_hold():
    command = [VENV_BIN / "lint-imports", "--no-logo", "--no-cache"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_domain_imports_the_standard_library_only():
    allowed = sys.stdlib_module_names | {"pager_domain"}
    foreign = {(path.name, name) for path in modules("pager_domain") for name in _imported(path) if name not in allowed}
    assert not foreign


def test_the_domain_starts_nothing_and_reads_no_clock():
    outside = {"threading", "socket", "subprocess", "multiprocessing", "sqlite3", "time", "os"}
    found = {(path.name, name) for path in modules("pager_domain") for name in _imported(path) if name in outside}
    assert not found


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0] if not node.level else "a relative import"
