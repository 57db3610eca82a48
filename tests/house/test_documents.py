"""Documents name files that exist."""

import re

import pytest
from house.sources import ROOT

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
_PATH = re.compile(r"`((?:tests|pager_grpc|pager_domain|pager_cli|scripts|bench|protos|examples|docs)/[\w./-]+)")
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_a_document_names_is_there(document):
    text = document.read_text()
    named = {ROOT / path for path in _PATH.findall(text)} | {document.parent / path for path in _LINK.findall(text)}
    assert sorted(str(path) for path in named if not path.exists()) == []


def test_every_fault_of_the_catalogue_has_its_row():
    rows = re.findall(r"^\| +(\d+) \|", (ROOT / "docs" / "faults.md").read_text(), re.MULTILINE)
    assert rows == [str(number) for number in range(1, 62)]
