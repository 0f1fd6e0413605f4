"""Docker Compose itself reads the compose files and passes the settings of ``.env`` to the containers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bot.voice.phone.sip.open_calls import MAX_CALLS
from config.project import ROOT
from tests.deployment.compose_files import (
    AMD_VARIABLES,
    COMBINATIONS,
    COMPOSE_TIMEOUT,
    NEEDED_VARIABLES,
    SIP_VARIABLES,
    compose,
    file_arguments,
    read_yaml,
    resolved,
)


@pytest.mark.parametrize("env", [None, ".env.example"], ids=["without .env", "with .env"])
@pytest.mark.parametrize("profile", [None, "comfyui", "*"])
@pytest.mark.parametrize("combination", COMBINATIONS)
def test_compose_accepts_the_files(tmp_path: Path, combination: str, profile: str | None, env: str | None) -> None:
    if env is not None:
        (tmp_path / ".env").write_bytes((ROOT / env).read_bytes())
    chosen = ("--profile", profile) if profile else ()
    done = compose(tmp_path, *file_arguments(combination), *chosen, "config", "-q", variables=NEEDED_VARIABLES)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("missing", AMD_VARIABLES)
def test_the_amd_file_names_the_missing_variable(tmp_path: Path, missing: str) -> None:
    done = compose(
        tmp_path,
        *file_arguments("amd"),
        "config",
        "-q",
        variables={k: v for k, v in AMD_VARIABLES.items() if k != missing},
    )
    assert done.returncode != 0
    assert missing in done.stderr


def test_the_bot_and_the_speech_server_have_a_name_for_this_machine(tmp_path: Path) -> None:
    services = {**resolved(tmp_path), "tts": resolved(tmp_path, "cloud voice")["tts"]}
    assert [name for name, service in services.items() if "outside" in service["networks"]] == ["bot", "tts", "weights"]
    for name, service in services.items():
        if "outside" in service["networks"] and name != "weights":
            assert "host.docker.internal=host-gateway" in service["extra_hosts"], name


BOT_SETTINGS = {
    "LLM_URL": "http://host.docker.internal:11434/v1",
    "LLM_MODEL": "llama3.1",
    "LLM_URL_AMD": "http://192.168.1.9:8091/v1",
    "PROFILE": "hybrid",
    "COMFYUI_URL": "http://192.168.1.9:8188",
    "STT_URL": "http://192.168.1.9:8000/v1",
    "STT_MODEL": "large-v3-turbo",
    "TTS_WEBSOCKET_URL": "ws://192.168.1.9:8765/ws/stream",
    "VISION_LLM_URL": "http://192.168.1.9:8090/v1",
    "COMMAND_PREFIX": "?",
}
SPEECH_SERVER_SETTINGS = {"TTS_ENGINE": "openai", "TTS_VOICE": "de", "TTS_PRESET": "warm"}


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_the_settings_in_env_reach_the_bot_and_the_speech_server(tmp_path: Path, combination: str) -> None:
    lines = [f"{name}={value}\n" for name, value in {**BOT_SETTINGS, **SPEECH_SERVER_SETTINGS}.items()]
    services = resolved(tmp_path, combination, "".join(lines))
    assert services["bot"]["environment"].items() >= BOT_SETTINGS.items()
    assert services["tts"]["environment"].items() >= SPEECH_SERVER_SETTINGS.items()


CHOSEN = {
    "processor": "piper",
    "nvidia": "xtts",
    "amd": "xtts",
    "cloud voice": "openai",
    "page": "piper",
    "sip": "piper",
    "twilio": "piper",
}


@pytest.mark.parametrize(("combination", "engine"), CHOSEN.items())
def test_without_env_the_combination_of_files_decides_on_the_engine(
    tmp_path: Path, combination: str, engine: str
) -> None:
    assert resolved(tmp_path, combination)["tts"]["environment"]["TTS_ENGINE"] == engine


@pytest.mark.parametrize(
    ("variable", "secret", "command"),
    [(None, None, "talk"), ("", "", "talk"), (None, " \n", "talk"), (None, "abc\n", "run"), ("abc", "", "run")],
)
def test_with_the_page_the_bot_needs_no_token_of_discord(
    tmp_path: Path, variable: str | None, secret: str | None, command: str
) -> None:
    bot = resolved(tmp_path, "page", "" if variable is None else f"DISCORD_TOKEN={variable}\n")["bot"]
    shell, option, script = (word.replace("$$", "$") for word in bot["command"])
    if secret is not None:
        (tmp_path / "discord_token").write_text(secret)
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        [shell, option, script.replace("/run/secrets", str(tmp_path))],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", **({} if variable is None else {"DISCORD_TOKEN": variable})},
        capture_output=True,
        text=True,
        timeout=COMPOSE_TIMEOUT,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"-m bot {command}\n", "")


def test_the_page_is_published_with_the_files_for_a_card_too(tmp_path: Path) -> None:
    done = compose(tmp_path, *file_arguments("nvidia"), *file_arguments("page")[2:], "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    bot = json.loads(done.stdout)["services"]["bot"]
    assert bot["image"] == "seiyuu-bot-nvidia:0.1.0"
    assert [(port["host_ip"], port["published"], port["target"]) for port in bot["ports"]] == [
        ("127.0.0.1", "8770", 8770)
    ]
    assert [secret["source"] for secret in bot["secrets"]] == ["discord_token", "tts_token", "web_token"]


def test_the_ports_of_sip_are_published_at_the_external_address_alone_and_are_the_same_inside(
    tmp_path: Path,
) -> None:
    bot = resolved(tmp_path, "sip", "SIP_BIND=127.0.0.1:5070\nSIP_RTP_PORTS=10000-10099\n")["bot"]
    settings = bot["environment"]
    outer = SIP_VARIABLES["SIP_EXTERNAL_ADDRESS"]
    assert settings["SIP_EXTERNAL_ADDRESS"] == outer
    published = {(each["host_ip"], each["protocol"], int(each["published"]), each["target"]) for each in bot["ports"]}
    first, _, last = settings["SIP_RTP_PORTS"].partition("-")
    ports = [int(settings["SIP_BIND"].rpartition(":")[2]), *range(int(first), int(last) + 1)]
    assert published == {(outer, "udp", port, port) for port in ports}
    assert len(ports) - 1 >= 2 * MAX_CALLS, "each phone call takes two ports"


def test_without_the_outer_address_sip_says_what_is_missing(tmp_path: Path) -> None:
    done = compose(tmp_path, *file_arguments("sip"), "config", "-q")
    assert done.returncode != 0
    assert "SIP_EXTERNAL_ADDRESS" in done.stderr
    assert "the address of this machine in your network is missing in .env" in done.stderr


def test_twilio_reaches_the_bot_by_a_proxy_on_this_machine_and_all_ports_fit_together(tmp_path: Path) -> None:
    files = [*file_arguments("page"), *file_arguments("twilio")[2:], *file_arguments("sip")[2:]]
    done = compose(tmp_path, *files, "config", "--format", "json", variables=SIP_VARIABLES)
    assert done.returncode == 0, done.stderr
    bot = json.loads(done.stdout)["services"]["bot"]
    assert bot["environment"]["PHONE_BIND"] == "0.0.0.0:8771"
    assert ("127.0.0.1", "8771", 8771) in [
        (each["host_ip"], each["published"], each["target"]) for each in bot["ports"]
    ]
    assert len(bot["ports"]) == 1 + 1 + 1 + 20


def test_the_key_of_a_cloud_voice_reaches_the_speech_server(tmp_path: Path) -> None:
    env = "OPENAI_API_KEY=sk-1\nDISCORD_TOKEN=secret\n"
    environment = resolved(tmp_path, "cloud voice", env)["tts"]["environment"]
    assert environment["OPENAI_API_KEY"] == "sk-1"
    assert "DISCORD_TOKEN" not in environment


def test_two_model_servers_are_chosen_by_an_empty_llm_url(tmp_path: Path) -> None:
    bot = resolved(tmp_path, env="LLM_URL=\nLLM_URL_NVIDIA=http://a:1/v1\nLLM_URL_AMD=http://b:1/v1\n")["bot"]
    assert bot["environment"]["LLM_URL"] == ""


def test_a_repeated_key_is_noticed_without_compose_too() -> None:
    with pytest.raises(Exception, match="twice in one mapping"):
        read_yaml("services: {tts: {environment: {A: 1, A: 2}}}")
