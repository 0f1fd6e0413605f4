"""The command ``models``: it asks before it downloads, it downloads completely, and it needs no network for checks."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.models.model_store import size_of
from tests.bot.models.local_hub import COMMIT, FILES, LIMIT, CommandLine, LocalHub, serving


@pytest.fixture
async def hub() -> AsyncIterator[LocalHub]:
    async with serving(LocalHub()) as hub:
        yield hub


@pytest.fixture
def line(hub: LocalHub, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, hub.url)


def arrived(line: CommandLine, model: str = "tiny") -> dict[str, bytes]:
    folder = line.models / model
    return {path: (folder / path).read_bytes() for path in FILES if (folder / path).exists()}


async def test_the_models_of_the_profile_are_downloaded_and_their_settings_printed(line: CommandLine) -> None:
    status, said = await line.run("download", "--yes")
    assert status == 0
    assert "tiny: 3.0 MB, MIT, from somebody/tiny" in said
    assert "STT_MODEL=data/models/tiny" in said
    assert arrived(line) == FILES
    assert not list(line.models.rglob("*.part"))


async def test_the_checksums_are_shown_before_anything_is_downloaded(line: CommandLine, hub: LocalHub) -> None:
    _, said = await line.run("download", "tiny")
    for path, content in FILES.items():
        assert f"{path}, SHA-256 {hashlib.sha256(content).hexdigest()}" in said
    assert hub.requests == []


async def test_size_and_licence_stand_directly_before_the_question(line: CommandLine) -> None:
    _, said = await line.run("download", "tiny")
    assert said.index("SHA-256") < said.index("tiny: 3.0 MB, MIT") < said.index("To download: 3.0 MB")
    assert "SHA-256" not in said[said.index("tiny: 3.0 MB") :]


async def test_complete_models_are_not_downloaded_again(line: CommandLine, hub: LocalHub) -> None:
    await line.run("download", "--yes")
    hub.requests.clear()
    status, said = await line.run("download", "--yes")
    assert (status, hub.requests) == (0, [])
    assert "Everything is here already" in said
    assert "STT_MODEL=data/models/tiny" in said


async def test_nothing_is_downloaded_without_confirmation(line: CommandLine, hub: LocalHub) -> None:
    for arguments in ((), ("list",), ("check", "--profile", "api"), ("--check", "--profile", "api")):
        assert (await line.run(*arguments))[0] == 0
    status, said = await line.run("download")
    assert status == 2
    assert "--yes" in said
    assert (hub.requests, line.models.exists()) == ([], False)


async def test_a_licence_that_needs_consent_is_accepted_by_name(line: CommandLine, hub: LocalHub) -> None:
    status, said = await line.run("download", "strict", "--yes")
    assert status == 2
    assert "Never for money." in said
    assert "--accept-licence no-profit" in said
    assert hub.requests == []
    assert (await line.run("download", "strict", "--yes", "--accept-licence", "no-profit"))[0] == 0
    assert arrived(line, "strict") == FILES


@pytest.mark.parametrize(("typed", "status"), [("no-profit\ny\n", 0), ("no-profit\nn\n", 2), ("yes\n", 2)])
async def test_a_person_at_the_terminal_is_asked(line: CommandLine, typed: str, status: int) -> None:
    keyboard, terminal = os.openpty()
    try:
        os.write(keyboard, typed.encode())
        assert (await line.run("download", "strict", stdin=terminal))[0] == status
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert bool(arrived(line, "strict")) == (status == 0)


async def test_the_error_for_an_unknown_name_lists_the_names(line: CommandLine) -> None:
    status, said = await line.run("download", "../../etc")
    assert status == 2
    assert "There are: tiny, strict" in said
    assert "There is no model 'tny'. Did you mean tiny?" in (await line.run("download", "tny"))[1]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
async def test_an_interrupted_download_continues_where_it_stopped(
    line: CommandLine, hub: LocalHub, ending: signal.Signals
) -> None:
    hub.holds_after = 2_000_000
    process = await line.start("download", "--yes")
    growing = line.models / "tiny" / "weights" / "model.bin.part"
    async with asyncio.timeout(LIMIT):
        while (size_of(growing) or 0) < 1_500_000:
            await asyncio.sleep(0.01)
    process.send_signal(ending)
    said, _ = await asyncio.wait_for(process.communicate(), LIMIT)
    if ending == signal.SIGINT:
        assert process.returncode == 130
        assert "the same command downloads the rest" in said.decode()
    assert "only " in (await line.run("check"))[1]
    hub.holds_after, before = None, hub.served
    status, said_again = await line.run("download", "--yes")
    assert status == 0, said_again
    assert arrived(line) == FILES
    assert hub.served - before < 2_000_000
    assert hub.requests[-1][1] is not None


async def test_wrong_contents_are_deleted_and_reported(line: CommandLine, hub: LocalHub) -> None:
    hub.files["weights/model.bin"] = bytes(len(FILES["weights/model.bin"]))
    status, said = await line.run("download", "--yes")
    assert status == 1
    assert "wrong contents" in said
    assert arrived(line) == {"config.json": FILES["config.json"]}
    hub.files = dict(FILES)
    assert (await line.run("download", "--yes"))[0] == 0


async def test_the_error_for_a_gated_repository_says_what_to_do(line: CommandLine, hub: LocalHub) -> None:
    hub.statuses = [(401, {})]
    status, said = await line.run("download", "--yes")
    assert status == 1
    assert "HF_TOKEN" in said
    assert "Traceback" not in said


async def test_the_check_needs_no_network_and_finds_changed_files(line: CommandLine, hub: LocalHub) -> None:
    await line.run("download", "--yes")
    offline = CommandLine(line.folder, "http://127.0.0.1:9")
    status, said = await offline.run("check")
    assert status == 0
    assert "✔ tiny: 2 files" in said
    assert "– strict: is not here" in said
    weights = line.models / "tiny" / "weights" / "model.bin"
    weights.write_bytes(b"\0" + weights.read_bytes()[1:])
    status, said = await offline.run("--check")
    assert status == 1
    assert "weights/model.bin has other contents" in said
    weights.unlink()
    assert "weights/model.bin is missing" in (await offline.run("check"))[1]
    assert (await line.run("download", "--yes"))[0] == 0
    assert (await offline.run("check"))[0] == 0


async def test_a_check_fails_if_a_needed_model_is_incomplete(line: CommandLine) -> None:
    status, said = await line.run("check")
    assert status == 1
    assert "✘ tiny: is not here. To get it, type `.venv/bin/python -m bot models download tiny`" in said
    assert "– strict: is not here" in said
    (line.models / "tiny").mkdir(parents=True)
    (line.models / "tiny" / "config.json").write_bytes(FILES["config.json"])
    assert "✘ tiny: only 0.0 kB of 3.0 MB are here" in (await line.run("check"))[1]
    assert (await line.run("check", "--json"))[0] == 1
    await line.run("download", "--yes")
    assert (await line.run("check"))[0] == 0


async def test_a_check_with_names_checks_only_these_models(line: CommandLine) -> None:
    await line.run("download", "--yes")
    status, said = await line.run("check", "tiny")
    assert (status, "strict" in said) == (0, False)
    status, said = await line.run("check", "strict")
    assert (status, "tiny:" in said) == (1, False)
    assert (await line.run("check", "strict", "--json"))[0] == 1
    (line.models / "tiny" / "config.json").unlink()
    assert (await line.run("check", "strict"))[0] == 1
    assert (await line.run("check", "tiny"))[0] == 1


async def test_a_list_with_names_shows_only_these_models(line: CommandLine) -> None:
    status, said = await line.run("list", "strict")
    assert status == 0
    assert "● strict: Strict" in said
    assert "tiny:" not in said
    assert "Strict 0.5 = 0.5 GiB" in said


async def test_damaged_files_of_the_right_size_are_repaired(line: CommandLine) -> None:
    await line.run("download", "--yes")
    weights = line.models / "tiny" / "weights" / "model.bin"
    weights.write_bytes(bytes(len(FILES["weights/model.bin"])))
    assert (await line.run("check"))[0] == 1
    assert (await line.run("download", "--yes"))[0] == 0
    assert arrived(line) == FILES


async def test_the_list_shows_where_the_models_are_stored(line: CommandLine) -> None:
    assert "is not here" in (await line.run())[1]
    await line.run("download", "--yes")
    status, said = await line.run("list")
    assert status == 0
    assert "stored in data/models/tiny" in said
    assert "Tiny 0.5 = 0.5 GiB" in said


async def test_models_in_the_cache_of_the_hub_are_found_there(line: CommandLine) -> None:
    snapshot = line.folder / "hf" / "hub" / "models--somebody--tiny" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_bytes(FILES["config.json"])
    assert f"stored in Hugging Face's own cache, {snapshot}" in (await line.run())[1]


async def test_two_downloads_do_not_run_at_once(line: CommandLine, hub: LocalHub) -> None:
    hub.holds_after = 1_000_000
    first = await line.start("download", "--yes")
    try:
        await asyncio.wait_for(hub.held.wait(), LIMIT)
        status, said = await line.run("download", "--yes")
        assert status == 1
        assert "Another download" in said
    finally:
        first.kill()
        await first.wait()


async def test_programs_can_read_which_models_are_here_and_whether_they_are_right(line: CommandLine) -> None:
    async def listed(action: str) -> tuple[int, dict[str, dict[str, object]]]:
        status, said = await line.run(action, "--json")
        return status, {model["id"]: model for model in json.loads(said)}

    assert (await listed("list"))[1]["tiny"] == {
        "id": "tiny",
        "part": "ears",
        "source": "hub",
        "present": False,
        "size": sum(map(len, FILES.values())),
        "licence": "mit",
        "sha256_ok": None,
    }
    await line.run("download", "--yes")
    status, models = await listed("check")
    assert (status, models["tiny"]["present"], models["tiny"]["sha256_ok"]) == (0, True, True)
    path = line.models / "tiny" / max(FILES, key=lambda name: len(FILES[name]))
    path.write_bytes(bytes(reversed(path.read_bytes())))
    status, models = await listed("check")
    assert (status, models["tiny"]["sha256_ok"]) == (1, False)
    assert (await listed("list"))[0] == 0
