"""Tests of the whole rehearsal (``python -m bot rehearse``), with toy weights and on the sandbox."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import psutil
import pytest

from tests.e2e.program import output, program, read_until
from tests.timing import wait_until


async def test_guests_talk_with_the_engines_and_each_stage_is_reported(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    kept = tmp_path / "data" / "seiyuu.sqlite3"
    kept.write_bytes(b"the operator's own")
    async with program("rehearse", "--seconds", "8", folder=tmp_path, PERSONA="helper") as process:
        said = await output(process)
    assert process.returncode == 0, said
    assert "Question 1, after 0 of 8 seconds" in said
    assert "Question 2" in said
    for stage in ("end of turn", "words", "first token", "first clause", "first audio", "first packet"):
        assert stage in said
    assert "Toys take part (ears and mind)" in said
    assert "→" in said or "All is well" in said
    report = json.loads((tmp_path / "data" / "rehearsal" / "rehearsal.json").read_text("utf-8"))
    assert report["turns"][0]["question"] == "Hello there!"
    for turn in report["turns"]:
        assert sum(turn["waited_for"].values()) == pytest.approx(turn["times"]["first_packet"], abs=0.1)
    assert report["first_packet_ms"] > 0
    assert kept.read_bytes() == b"the operator's own"
    assert {each.name for each in (tmp_path / "data").iterdir()} == {"seiyuu.sqlite3", "rehearsal"}


async def test_without_a_model_server_one_sentence_says_so(tmp_path: Path) -> None:
    async with program("rehearse", folder=tmp_path, LLM_URL="http://127.0.0.1:9/v1") as process:
        said = await output(process)
    assert process.returncode == 1
    (told,) = [line for line in said.splitlines() if "✘" in line]
    assert "127.0.0.1:9 can't be reached" in told
    assert "Question" not in said


async def test_services_that_cost_money_get_nothing_without_consent(tmp_path: Path) -> None:
    paid = {"LLM_URL": "https://api.example.com/v1", "LLM_MODEL": "m", "LLM_API_KEY": "k"}
    async with program("rehearse", folder=tmp_path, **paid) as process:
        said = await output(process)
    assert process.returncode == 2
    assert "up to 70 requests to each of these services, which may cost money: the language model at api.exa" in said
    assert "--yes" in said
    assert not (tmp_path / "data" / "rehearsal").exists()


async def test_ctrl_c_ends_the_rehearsal_with_every_process_that_it_started(tmp_path: Path) -> None:
    async with program("rehearse", folder=tmp_path) as process:
        await read_until(process, "Question 1")
        started = psutil.Process(process.pid).children(recursive=True)
        assert started
        psutil.Process(process.pid).send_signal(signal.SIGINT)
        said = await output(process)
        assert process.returncode == 130, said
        assert "Ended." in said
        await wait_until(lambda: not any(each.is_running() for each in started))
