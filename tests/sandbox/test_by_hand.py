"""The sandbox as a program of its own, and the table of its faults in docs/sandbox.md, which is complete and right."""

from __future__ import annotations

import inspect
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from config.project import ROOT
from sandbox.faults import Faults
from sandbox.rest.faults import RestFaults
from sandbox.server import Sandbox
from sandbox.voice.server import VoiceServer

COMMAND = (sys.executable, "-m", "sandbox")
FAULTS = (ROOT / "docs" / "sandbox.md").read_text("utf-8").partition("| on | calls |")[2].partition("\n\n")[0]
CALLS = re.findall(r"`(?P<waits>await )?(?P<name>\w+)\((?P<parameters>[^`]*)\)`", FAULTS)
SOURCES = (Faults, VoiceServer, RestFaults)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run((*COMMAND, *arguments), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_for_programs_the_sandbox_prints_one_line_of_json_and_serves_until_it_is_ended(ending: signal.Signals) -> None:
    with subprocess.Popen((*COMMAND, "--json"), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        place = json.loads(process.stdout.readline())
        with urllib.request.urlopen(f"{place['api']}/gateway") as response:  # noqa: S310 (a loopback address)
            assert json.load(response)["url"] == place["gateway"]
        process.send_signal(ending)
        assert process.wait(20) == 0
        assert process.stdout.read() == ""
    assert set(place) == {"api", "gateway", "token", "ca", "guild", "text", "voice"}
    assert place["gateway"].startswith("ws://127.0.0.1:")
    assert all(place[name].isdecimal() for name in ("guild", "text", "voice"))


def test_for_people_the_sandbox_prints_the_three_variables_of_seiyuu() -> None:
    with subprocess.Popen(COMMAND, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while "Ctrl-C" not in (line := process.stdout.readline()):
            lines.append(line.strip())
        variables = dict(line.split("=", 1) for line in lines if re.match(r"DISCORD_\w+=", line))
        assert set(variables) == {"DISCORD_TOKEN", "DISCORD_API_URL", "DISCORD_CA_FILE"}
        assert Path(variables["DISCORD_CA_FILE"]).exists()
        headers = {"Authorization": f"Bot {variables['DISCORD_TOKEN']}"}
        me = urllib.request.Request(f"{variables['DISCORD_API_URL']}/users/@me", headers=headers)  # noqa: S310 (a loopback address)
        with urllib.request.urlopen(me) as response:  # noqa: S310
            assert json.load(response)["bot"] is True
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


@pytest.mark.parametrize("port", ["99999", "-1", "eighty"])
def test_an_invalid_port_is_reported_in_one_sentence(port: str) -> None:
    ended = _run("--port", port)
    assert ended.returncode == 2
    assert f"'{port}' is not a port. A port is a number from 0 (any free one) to 65535" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_taken_port_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = _run("--port", str(port))
    assert ended.returncode == 1
    assert f"can't listen on port {port}" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(("waits", "name", "parameters"), CALLS, ids=[call[1] for call in CALLS])
def test_the_docs_call_each_fault_with_its_arguments(waits: str, name: str, parameters: str) -> None:
    if name in {"Conditions", "Wrapping"}:
        return
    function = next(vars(source)[name] for source in SOURCES if name in vars(source))
    assert inspect.iscoroutinefunction(function) == bool(waits)
    named = [part.partition("=")[0].strip() for part in parameters.split(",") if part.strip(" *")]
    assert named == [each for each in inspect.signature(function).parameters if each != "self"]


def test_every_fault_is_in_the_docs() -> None:
    assert {name for name in vars(Faults) if not name.startswith("_")} - {"rest"} <= {call[1] for call in CALLS}


async def test_the_owner_can_be_a_guest_too() -> None:
    async with Sandbox() as sandbox:
        owner = sandbox.guest_for(sandbox.home.owner)
        said = await owner.say(sandbox.text_channel, "I own this.")
        assert said.author is sandbox.home.owner
