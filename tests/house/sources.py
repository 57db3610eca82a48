"""The files of this project, as the house tests see them."""

import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
VENV_BIN = ROOT / os.environ.get("VENV", ".venv") / "bin"
PACKAGES = ("pager_domain", "pager_grpc", "pager_cli")
_NOT_OURS = {"var", "build", "dist", "__pycache__", "node_modules"}
_HIDDEN_BUT_OURS = {".github", ".ci", ".devcontainer"}
_TEXT = {".py", ".pyi", ".proto", ".toml", ".yaml", ".yml", ".md", ".sh", ".json", ".lock", ".mako", ""}


def files() -> Iterator[Path]:
    """Every text file of the project, wherever it is; without what tools have made."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if _is_ours(name)]
        yield from (Path(folder, name) for name in names if Path(name).suffix in _TEXT and name != ".env")


def modules(*roots: str) -> Iterator[Path]:
    """The hand-written Python modules below ``roots``."""
    for path in files():
        relative = path.relative_to(ROOT)
        if path.suffix == ".py" and relative.parts[0] in roots and relative.parts[:2] != ("pager_grpc", "gen"):
            yield path


def _is_ours(name: str) -> bool:
    if name.startswith("."):
        return name in _HIDDEN_BUT_OURS
    return name not in _NOT_OURS and not name.endswith(".egg-info")
