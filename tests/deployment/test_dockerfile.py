"""The Dockerfile: small and pinned images, without privileges, made of existing files."""

from __future__ import annotations

import fnmatch
import importlib.util
import re

import pytest

from config.place import CONTAINER_VARIABLE
from config.privacy import SILENCED
from config.project import ROOT
from config.settings import Settings as BotSettings
from config.speech_settings import SpeechSettings
from tests.deployment.dockerfile import inherited, read_stages

STAGES = read_stages()
ADDED = ("deploy/requirements-nvidia.txt", "deploy/requirements-cloud-voice.txt")
IMAGES = ("bot", "bot-nvidia", "tts", "tts-cloud", "tts-xtts")
OF_THE_IMAGE = {
    "PATH",
    "HOME",
    "HF_HUB_CACHE",
    "LD_LIBRARY_PATH",
    "PYTHONUNBUFFERED",
    "PYTHONDONTWRITEBYTECODE",
    CONTAINER_VARIABLE,
}
COPIED = [
    source
    for stage in STAGES.values()
    for instruction in stage.instructions
    if instruction.keyword == "COPY" and instruction.copied[0] is None
    for source in instruction.copied[1]
]


def texts(image: str, keyword: str) -> list[str]:
    return [instruction.text for instruction in inherited(STAGES, image) if instruction.keyword == keyword]


def test_every_base_is_the_same_version_of_python_or_another_stage() -> None:
    for stage in STAGES.values():
        assert stage.base in STAGES or re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", stage.base), stage.base
    assert len({stage.base for stage in STAGES.values() if stage.base not in STAGES}) == 1


def test_only_packages_are_fetched_and_those_of_python_are_pinned() -> None:
    steps = [i.text for stage in STAGES.values() for i in stage.instructions if i.keyword == "RUN"]
    assert not [step for step in steps if re.search(r"\b(curl|wget|git|ADD)\b|https?:", step)]
    for step in steps:
        if "apt-get install" in step:
            assert "--no-install-recommends" in step
            assert step.endswith("rm -rf /var/lib/apt/lists/*")
        for pip in re.findall(r"\bpip --python [^&;|]*", step):
            assert "--no-cache-dir" in pip
            assert "-r " in pip or "\"$(grep '^torch==' requirements-xtts.txt)\"" in pip


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-xtts.txt", *ADDED])
def test_every_package_is_pinned(file: str) -> None:
    lines = [line.strip() for line in (ROOT / file).read_text().splitlines()]
    for line in lines:
        assert not line or line.startswith(("#", "-c ", "-r ")) or re.match(r"^[\w.\[\],-]+==[\w.]+( *;.*)?$", line), (
            line
        )


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_runs_without_rights_and_has_a_health_check(image: str) -> None:
    assert texts(image, "USER")[-1] == "10001:10001"
    assert texts(image, "STOPSIGNAL") == ["SIGTERM"]
    assert len(texts(image, "HEALTHCHECK")) == 1
    assert "--interval=" in texts(image, "HEALTHCHECK")[0]


@pytest.mark.parametrize("image", IMAGES)
def test_the_programs_that_an_image_starts_exist(image: str) -> None:
    for instruction in inherited(STAGES, image):
        if instruction.keyword in ("CMD", "HEALTHCHECK"):
            python, option, module, *_ = instruction.listed
            assert (python, option) == ("python", "-m")
            assert importlib.util.find_spec(module) is not None


@pytest.mark.parametrize("image", IMAGES)
def test_only_the_virtual_environment_comes_from_the_build_stages(image: str) -> None:
    copies = [i.copied for i in inherited(STAGES, image) if i.keyword == "COPY" and i.copied[0] is not None]
    assert [(what, where) for _, what, where in copies] == [(["/opt/venv"], "/opt/venv")]
    assert STAGES[image].base == "program"
    assert not [step for step in texts(image, "RUN") if "pip" in step]


def test_the_variables_of_the_images_are_settings() -> None:
    known = {name.upper() for settings in (BotSettings, SpeechSettings) for name in settings.settings()}
    for image in IMAGES:
        for instruction in inherited(STAGES, image):
            if instruction.keyword == "ENV":
                assert set(instruction.variables) <= known | OF_THE_IMAGE | SILENCED.keys()


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_sends_no_telemetry(image: str) -> None:
    variables = {name for i in inherited(STAGES, image) if i.keyword == "ENV" for name in i.variables}
    assert {"ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"} <= variables


@pytest.mark.parametrize("source", COPIED)
def test_copied_files_exist_and_reach_the_builder(source: str) -> None:
    assert (ROOT / source).exists()
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert f"!{source}" in rules


@pytest.mark.parametrize("secret", [".env", "secrets/discord_token", "data/seiyuu.sqlite", ".git/config", "tests/x.py"])
def test_secrets_and_data_do_not_reach_the_builder(secret: str) -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert not [rule for rule in allowed if fnmatch.fnmatch(secret, rule) or secret.startswith(f"{rule}/")]


def test_every_package_that_the_program_is_made_of_is_copied() -> None:
    packages = {init.parent.name for init in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages <= set(COPIED)
