"""Tests of the catalogue of models: the shipped one is valid, and mistakes in a catalogue are reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.models.catalogue import Catalogue, CatalogueError, Part, Source, load_catalogue
from bot.models.packages import read_pins
from config.settings import Profile
from config.settings import Settings as BotSettings
from config.speech_settings import SpeechSettings
from tests.bot.models.local_hub import catalogue_fields
from tts_server.engines.kokoro.model_files import LANGUAGES


def test_the_shipped_catalogue_is_valid() -> None:
    catalogue = load_catalogue()
    local = [catalogue.models[name] for name in catalogue.profiles[Profile.LOCAL]]
    assert {model.part for model in local} == set(Part)
    downloaded_by_itself = catalogue.profiles[Profile.EMBEDDED]
    assert all(model.settings for name, model in catalogue.models.items() if name not in downloaded_by_itself)
    assert {catalogue.licences[model.licence].consent is not None for model in local if "XTTS" in model.title} == {True}


def test_the_embedded_profile_comes_from_packages_that_are_pinned_with_hashes() -> None:
    catalogue, pins = load_catalogue(), read_pins()
    embedded = [catalogue.models[name] for name in catalogue.profiles[Profile.EMBEDDED]]
    assert {model.part for model in embedded} == set(Part)
    assert all(model.source is Source.PACKAGE for model in embedded)
    needed = {package for model in embedded for package in model.packages}
    assert set(pins) == set(catalogue.packages) > needed
    # The documentation gives this size for the download at the first start.
    assert 280e6 < sum(map(catalogue.package_size, needed)) < 300e6


def test_kokoro_comes_from_packages_with_all_speakers_of_the_languages_that_it_reads() -> None:
    catalogue = load_catalogue()
    kokoro = catalogue.models["kokoro"]
    assert "kokoro" not in {name for names in catalogue.profiles.values() for name in names}
    assert all(file.parts for file in kokoro.files)
    speakers = [file.path.removeprefix("voices/") for file in kokoro.files if file.path.startswith("voices/")]
    assert f"{len(speakers)} speakers" in kokoro.title
    assert {name[0] for name in speakers} == set(LANGUAGES)
    # The documentation gives this size for the download.
    assert 89e6 < sum(map(catalogue.package_size, kokoro.packages)) < 91e6


def test_the_settings_in_the_catalogue_exist() -> None:
    known = {name.upper() for settings in (BotSettings, SpeechSettings) for name in settings.settings()}
    assert {name for model in load_catalogue().models.values() for name in model.settings} <= known


def test_the_speech_server_looks_for_xtts_in_the_folder_to_which_it_is_downloaded() -> None:
    assert SpeechSettings.settings()["xtts_model"].default == Path("data/models/xtts-v2")
    assert "xtts-v2" in load_catalogue().models


def spoilt(**changes: Any) -> dict[str, Any]:
    fields = catalogue_fields()
    fields["models"]["tiny"].update(changes)
    return fields


FILE = {"path": "a.bin", "size": 1, "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"files": [{**FILE, "path": "../../.bashrc"}]}, "path"),
        ({"files": [{**FILE, "path": "/etc/passwd"}]}, "path"),
        ({"files": [{**FILE, "path": "a/./b"}]}, "path"),
        ({"files": [{**FILE, "path": ".hidden"}]}, "path"),
        ({"files": [{**FILE, "size": -1}]}, "size"),
        ({"files": [{**FILE, "sha256": "abc"}]}, "sha256"),
        ({"files": []}, "files"),
        ({"revision": "main"}, "revision"),
        ({"repository": "../x"}, "repository"),
        ({"licence": "whatever"}, "no licence 'whatever'"),
        ({"part": "nose"}, "part"),
        ({"repository": None, "revision": None}, "neither a repository nor packages"),
        ({"revision": None}, "belong together"),
        ({"files": [{**FILE, "parts": [{"package": "nobody", "member": "a/b"}]}]}, "no package nobody"),
        ({"files": [{**FILE, "parts": [{"package": "a", "member": "../b"}]}]}, "member"),
        ({"files": [FILE, {**FILE, "parts": [{"package": "a", "member": "b"}]}]}, "some of its files"),
        ({"files": [{**FILE, "packages_only": True}]}, "has no parts"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_the_error_names_the_mistake(changes: dict[str, Any], word: str, tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text(yaml.safe_dump(spoilt(**changes)))
    with pytest.raises(CatalogueError, match=word):
        load_catalogue(file)


@pytest.mark.parametrize("text", ["", "[]", "models: [", "\x00", "!!python/object/apply:os.getcwd []"])
def test_a_file_that_is_not_a_catalogue_is_reported(text: str, tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text(text)
    with pytest.raises(CatalogueError, match=r"models\.yaml"):
        load_catalogue(file)


def test_a_catalogue_without_a_profile_or_with_a_profile_of_unknown_models_is_refused() -> None:
    fields = catalogue_fields()
    with pytest.raises(ValueError, match="api is missing"):
        Catalogue.model_validate({**fields, "profiles": {"embedded": [], "local": [], "hybrid": []}})
    with pytest.raises(ValueError, match="no model nobody"):
        Catalogue.model_validate({**fields, "profiles": {**fields["profiles"], "api": ["nobody"]}})
