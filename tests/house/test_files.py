import re
from pathlib import Path

from house.sources import PACKAGES, ROOT, files, modules

MARKER = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]))
# Dots are split so that this file is not found itself.
REGISTRY_HOSTS = re.compile(
    "|".join(
        host.replace(" ", r"\.")
        for host in (
            "pypi org",
            "pythonhosted org",
            "docker io",
            "ghcr io",
            "quay io",
            "mcr microsoft com",
            "registry npmjs",
        )
    )
)


def test_a_module_is_short_enough_to_be_read():
    assert not _longer_than(300, *PACKAGES, "scripts", "bench")


def test_a_test_module_is_not_much_longer():
    assert not _longer_than(350, "tests")


def test_nothing_is_left_to_be_done_in_a_comment():
    assert not [str(path) for path in files() if MARKER.search(path.read_text())]


def test_no_file_names_a_registry_or_an_index():
    assert not [str(path) for path in files() if REGISTRY_HOSTS.search(path.read_text())]


def test_no_file_names_a_folder_of_the_machine_it_was_written_on():
    home = re.compile(r"/(?:work/main|home/[a-z]+/|root/)")
    assert not [str(path) for path in files() if path != Path(__file__) and home.search(path.read_text())]


def test_every_script_can_be_run():
    scripts = [*(ROOT / "scripts").glob("*.sh"), ROOT / ".ci/run"]
    assert all(script.stat().st_mode & 0o111 for script in scripts)


def _longer_than(limit: int, *roots: str) -> dict[str, int]:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules(*roots)}
    return {name: length for name, length in lengths.items() if length > limit}
