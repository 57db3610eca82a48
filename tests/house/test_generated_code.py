import subprocess
from pathlib import Path

from house.sources import ROOT, VENV_BIN

GENERATED = "pager_grpc/gen"


def test_the_generated_code_is_what_the_protos_say(tmp_path: Path):
    subprocess.run([ROOT / "scripts/generate_protos.sh", tmp_path], check=True, capture_output=True)
    assert _contents(ROOT / GENERATED) == _contents(tmp_path / GENERATED)


def test_the_protos_keep_the_conventions():
    subprocess.run([VENV_BIN / "buf", "lint"], cwd=ROOT, check=True)
    subprocess.run([VENV_BIN / "buf", "format", "-d", "--exit-code"], cwd=ROOT, check=True)


def _contents(folder: Path) -> dict[Path, str]:
    paths = (path for path in folder.rglob("*") if path.suffix in {".py", ".pyi"})
    return {path.relative_to(folder): path.read_text() for path in paths}
