"""All links between the documents have a target."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from config.project import ROOT
from tests.docs.pages import PAGES, anchors, lines

_LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_pages_and_headings_that_exist(page: str) -> None:
    wrong = []
    for line in lines(page):
        for target in _LINK.findall(line.text):
            if target.startswith(("https://", "http://", "mailto:")):
                continue
            path, _, heading = target.partition("#")
            place = _joined(page, path) if path else page
            if not (ROOT / place).exists():
                wrong.append(f"{line}: there is no {place}")
            elif heading and heading not in anchors(place):
                wrong.append(f"{line}: {place} has no heading #{heading}")
    assert wrong == []


def _joined(page: str, path: str) -> str:
    whole = (ROOT / PurePosixPath(page).parent / path).resolve()
    return whole.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES)
def test_files_of_the_project_in_the_documents_exist(page: str) -> None:
    folders = "audio|bot|tts_server|sandbox|toys|config|hardware|wire|deploy|tests|benchmarks|docs"
    named = re.compile(rf"`((?:{folders})/[\w./-]+)`")
    wrong = [
        f"{line}: there is no {path}"
        for line in lines(page)
        for path in named.findall(line.text)
        if not (ROOT / path).exists() and not path.startswith("benchmarks/out") and "NAME" not in path
    ]
    assert wrong == []
