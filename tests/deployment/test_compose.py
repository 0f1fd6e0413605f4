"""Tests of the compose files: few published ports, secrets in files, no privileges, few ways out, pinned images."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from bot.models.catalogue import load_catalogue
from config.program_settings import SECRETS, WEIGHTS
from config.project import ROOT
from config.settings import Profile
from config.settings import Settings as BotSettings
from config.speech_settings import ENGINE_VARIABLES, SpeechSettings
from tests.deployment.compose_files import FILES, read_yaml
from tests.deployment.dockerfile import read_stages

OURS = ("bot", "tts")
PAGE = "compose.page.yml"


def read(file: str) -> dict[str, Any]:
    return read_yaml((ROOT / file).read_text())


BASE = read("docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = BASE["services"]
EVERY_SERVICE = [(file, name) for file in FILES for name in read(file)["services"]]


def test_the_services_are_those_of_a_complete_set() -> None:
    assert set(SERVICES) == {"bot", "weights", "tts", "llama-swap", "comfyui"}
    chosen = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    assert chosen == {"llama-swap": ["local"], "comfyui": ["comfyui"]}


def test_the_weights_are_fetched_before_they_are_loaded_and_a_failed_download_stops_nothing() -> None:
    weights = SERVICES["weights"]
    assert weights["restart"] == "no"
    assert weights["command"] == ["sh", "-c", "python -m bot models fetch || true"]
    assert weights["image"] == SERVICES["bot"]["image"]
    for name in OURS:
        assert SERVICES[name]["depends_on"]["weights"] == {"condition": "service_completed_successfully"}
    # All three services mount the weights at the same place, where the program puts them.
    place = str(Path(SERVICES["bot"]["environment"]["CACHE_DIR"]) / WEIGHTS)
    mounts = {
        name: [volume for volume in service["volumes"] if volume.startswith("weights:")]
        for name, service in SERVICES.items()
    }
    assert mounts == {
        "bot": [f"weights:{place}"],
        "weights": [f"weights:{place}"],
        "tts": [f"weights:{place}:ro"],
        "llama-swap": [],
        "comfyui": [],
    }
    assert f"{place}/piper-joe" in SERVICES["tts"]["environment"]["PIPER_MODEL"]


def test_without_settings_the_profile_needs_no_download() -> None:
    assert not {"PROFILE", "LLM_URL", "LLM_MODEL", "STT_MODEL"} & set(SERVICES["bot"]["environment"])
    assert BotSettings.settings()["profile"].default is Profile.EMBEDDED
    assert SERVICES["bot"]["depends_on"]["llama-swap"]["required"] is False


@pytest.mark.parametrize(("file", "name"), EVERY_SERVICE)
def test_no_service_gets_more_rights_than_an_ordinary_container(file: str, name: str) -> None:
    service = read(file)["services"][name]
    assert not {"privileged", "network_mode", "cap_add", "pid", "ipc", "userns_mode"} & set(service)
    assert name in SERVICES
    assert not [volume for volume in service.get("volumes", []) if "docker.sock" in volume]


def test_only_the_ports_of_the_page_and_of_the_telephone_are_published_and_none_to_everybody() -> None:
    published = {(file, name): read(file)["services"][name].get("ports", []) for file, name in EVERY_SERVICE}
    port = BotSettings.settings()["web_bind"].default.rpartition(":")[2]
    twilio = BotSettings.settings()["phone_bind"].default.rpartition(":")[2]
    outer = "${SIP_EXTERNAL_ADDRESS}"
    assert {place: ports for place, ports in published.items() if ports} == {
        (PAGE, "bot"): [f"127.0.0.1:{port}:{port}"],
        ("compose.sip.yml", "bot"): [f"{outer}:5060:5060/udp", f"{outer}:10000-10019:10000-10019/udp"],
        ("compose.twilio.yml", "bot"): [f"127.0.0.1:{twilio}:{twilio}"],
    }
    assert read("compose.twilio.yml")["services"]["bot"]["environment"] == {"PHONE_BIND": f"0.0.0.0:{twilio}"}
    page = read(PAGE)
    assert page["services"]["bot"]["environment"] == {"WEB_BIND": f"0.0.0.0:{port}"}
    assert page["services"]["bot"]["secrets"] == ["web_token"]
    assert page["secrets"] == {"web_token": {"file": "./secrets/web_token"}}


def test_only_the_bot_and_the_service_that_fetches_its_weights_reach_the_internet() -> None:
    assert BASE["networks"]["inside"] == {"internal": True}
    assert {name: service["networks"] for name, service in SERVICES.items()} == {
        "bot": ["inside", "outside"],
        "weights": ["outside"],
        "tts": ["inside"],
        "llama-swap": ["inside"],
        "comfyui": ["inside"],
    }


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_confined_and_restarted(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == ("no" if name == "weights" else "unless-stopped")
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is (name != "comfyui")
    assert service["init"] is True


@pytest.mark.parametrize(("file", "name"), EVERY_SERVICE)
def test_every_image_has_a_fixed_version(file: str, name: str) -> None:
    image = read(file)["services"][name].get("image")
    # ComfyUI has no official image, so the operator chooses one.
    if image is None or name == "comfyui":
        return
    repository, _, tag = image.rpartition(":")
    assert repository
    assert re.search(r"\d+\.\d+\.\d+$|^v\d+-\w+-b\d+-non-root$", tag), image


@pytest.mark.parametrize(("file", "name"), EVERY_SERVICE)
def test_every_built_target_is_a_stage_of_the_dockerfile(file: str, name: str) -> None:
    build = read(file)["services"][name].get("build")
    if build is not None:
        stages = read_stages()
        assert build["target"] in stages
        declared = {
            i.text.partition("=")[0] for stage in stages.values() for i in stage.instructions if i.keyword == "ARG"
        }
        assert set(build.get("args", {})) <= declared


def test_secrets_are_files_and_reach_only_the_services_that_need_them() -> None:
    assert {name.upper() for name in BASE["secrets"]} <= SECRETS
    assert {name: service.get("secrets", []) for name, service in SERVICES.items()} == {
        "bot": ["discord_token", "tts_token"],
        "weights": [],
        "tts": ["tts_token"],
        "llama-swap": [],
        "comfyui": [],
    }
    text = "".join((ROOT / file).read_text() for file in FILES)
    assert not [secret for secret in SECRETS if re.search(rf"^\s+{secret}:", text, re.MULTILINE)]
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "/secrets/" in ignored


def test_the_variables_of_the_bot_are_settings() -> None:
    assert set(SERVICES["bot"]["environment"]) <= {name.upper() for name in BotSettings.settings()}


def test_the_speech_server_gets_all_its_settings_and_nothing_else() -> None:
    mine = {name.upper() for name in SpeechSettings.settings() if "stand_in" not in name}
    assert set(SERVICES["tts"]["environment"]) | {"TTS_TOKEN"} == mine
    assert "env_file" not in SERVICES["tts"]


def test_with_a_cloud_voice_the_speech_server_gets_the_internet_and_keys_and_nothing_else_of_env() -> None:
    service = read("compose.cloud-voice.yml")["services"]["tts"]
    assert set(service["environment"]) == ENGINE_VARIABLES | {"TTS_ENGINE"}
    assert [name for name, value in service["environment"].items() if value] == ["TTS_ENGINE"]
    assert "outside" in service["networks"]


def test_the_services_find_each_other() -> None:
    environment = SERVICES["bot"]["environment"]
    assert environment["TTS_WEBSOCKET_URL"] == "${TTS_WEBSOCKET_URL:-ws://tts:8765/ws/stream}"
    assert SERVICES["tts"]["environment"]["TTS_BIND"] == "0.0.0.0:8765"
    for file in ("compose.nvidia.yml", "compose.amd.yml"):
        assert "llama-swap:8080" in read(file)["services"]["bot"]["environment"]["LLM_URL"]


def test_the_downloaded_models_are_the_served_ones() -> None:
    swap = read_yaml((ROOT / "deploy" / "llama-swap.yaml").read_text())
    catalogue = load_catalogue()
    for name, served in swap["models"].items():
        path = Path(re.search(r"--model (\S+)", served["cmd"])[1])  # type: ignore[index]
        model = catalogue.models[path.parent.name]
        assert path.parent.parent == Path("/data/models")
        assert path.name in {file.path for file in model.files}
        assert model.settings["LLM_MODEL"] == name
        assert name in read("compose.nvidia.yml")["services"]["bot"]["environment"]["LLM_MODEL"]
    ears = read("compose.nvidia.yml")["services"]["bot"]["environment"]["STT_MODEL"]
    assert Path(ears.split(":-")[1].rstrip("}")).name in catalogue.models


def test_only_the_bot_may_write_models() -> None:
    mounts = {name: [v for v in service["volumes"] if v.startswith("models:")] for name, service in SERVICES.items()}
    assert mounts == {
        "bot": ["models:/data/models"],
        "weights": [],
        "tts": ["models:/data/models:ro"],
        "llama-swap": ["models:/data/models:ro"],
        "comfyui": [],
    }


def test_every_volume_secret_and_network_is_declared() -> None:
    for service in SERVICES.values():
        named = [volume.split(":")[0] for volume in service["volumes"] if not volume.startswith("./")]
        assert set(named) <= set(BASE["volumes"])
        assert set(service["networks"]) <= set(BASE["networks"])
        assert set(service.get("secrets", [])) <= set(BASE["secrets"])


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in (*OURS, "weights")])
def test_services_of_other_projects_have_a_health_check_here(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_mounted_files_of_the_project_exist() -> None:
    mounted = [v.split(":")[0] for service in SERVICES.values() for v in service["volumes"] if v.startswith("./")]
    assert mounted
    assert all((ROOT / path).exists() for path in mounted)
