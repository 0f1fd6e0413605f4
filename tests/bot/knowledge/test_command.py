"""``python -m bot knowledge`` as an operator and a program use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.__main__ import main
from tests.bot.knowledge.files import write_usual_files

pytestmark = pytest.mark.usefixtures("clean_environment")


def test_files_are_indexed_and_searched_and_a_bad_one_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "knowledge"
    write_usual_files(folder)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    assert main(["knowledge", "index"]) == 2
    assert "KNOWLEDGE_DIR is not set" in capsys.readouterr().err
    monkeypatch.setenv("KNOWLEDGE_DIR", str(folder))

    assert main(["knowledge", "index"]) == 1
    shown = capsys.readouterr()
    assert shown.out.startswith("Knowledge: 8 files read; ")
    assert shown.err == "! broken.pdf can't be read: this is no PDF, or a broken one\n"

    # A search finds a file that is new since then, without another ``index`` command.
    (folder / "fresh.md").write_text("# Heron\n\nThe heron sleeps at noon.", encoding="utf-8")
    assert main(["knowledge", "search", "when does", "the heron sleep?", "--json", "--limit", "2"]) == 0
    (found, *_) = json.loads(capsys.readouterr().out)
    assert found.keys() == {"text", "source", "score"}
    assert (found["text"], found["source"]) == ("Heron\nThe heron sleeps at noon.", "fresh.md")
    assert isinstance(found["score"], float)

    assert main(["knowledge", "search", "zebra", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["knowledge", "index", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["files"], told["read"], told["problems"]) == (9, 0, [shown.err[2:-1]])
    with pytest.raises(SystemExit, match="2"):
        main(["knowledge", "search", "x", "--limit", "0"])
