"""Tests of a whole call under strace: it connects only to the servers of the settings, and leaves only known files.

Bot, speech server and transcriber are traced. Discord is the sandbox, in the test's own process. One test runs the
programs as a user does, with a home folder that has only toy weights. The other runs them as in the container images.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
from collections.abc import Mapping, Set
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from types import MappingProxyType

import psutil
import pytest
from yarl import URL

from bot.usual_model_servers import USUAL_MODEL_SERVERS
from sandbox.server import Sandbox
from tests.deployment.compose_files import resolved
from tests.deployment.dockerfile import inherited, read_stages
from tests.docs.pages import OPERATOR, rows
from tests.e2e.conftest import LIMIT
from tests.e2e.program import output, read_until, running
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.talking import talk
from tests.tracing import Account, Address, read_account, require_strace, tracing
from toys.llm.weights import toy_weights
from toys.whisper.weights import toy_whisper

QUESTION = "Hello there!"
PROGRAMS = {"-m bot run", "-m tts_server", "-m bot.voice.transcribe.worker"}
"""The programs of a call, by the ends of their command lines."""
FETCHED = {"weights", "weights/smollm2-135m/quick-*"}
"""What `make run` has put into CACHE_DIR before the call, and what is made of it."""
NOT_IN_A_CALL = {
    "chroma",
    "corrections.yaml",
    "demo",
    "rehearsal",
    "knowledge.db",
    "knowledge.db-shm",
    "knowledge.db-wal",
    "models",
    "notes",
    "traces.jsonl.old",
    "seiyuu.sqlite3.damaged-*",
    "before-restore-*",
    "calls_log.jsonl",
    "twilio_calls",
    "phone_sentences",
}
"""Files in the guide's table that no call makes. They come from a learned correction, the demonstration, a rehearsal, a
download, files of knowledge, notes of a call, long use, a fault or the telephone."""
VOLUME = "/data"
"""The data folder of the containers."""


@pytest.fixture(autouse=True)
def strace() -> None:
    require_strace()


async def test_a_call_as_a_user_runs_it_keeps_its_privacy(tmp_path: Path, cache_dir: Path) -> None:
    here, home, temporary = (folder(tmp_path / name) for name in ("here", "home", "tmp"))
    data, cache = here / "data", home / ".cache" / "seiyuu"
    await asyncio.to_thread(bring_toys, cache_dir, cache)
    places = {"HOME": str(home), "TMPDIR": str(temporary)}
    command = (*tracing(tmp_path / "trace"), sys.executable, "-m", "bot", "run")
    async with (
        Sandbox() as sandbox,
        running(
            *command, folder=here, TTS_BIND="127.0.0.1:0", WEB_BIND="127.0.0.1:0", **places, **sandbox.bot_settings
        ) as process,
    ):
        await hold_call(sandbox, process)
        served = served_here()
        await end(process)
    account = read_account(tmp_path / "trace", here)
    assert programs_of_a_call(account) == PROGRAMS
    assert_nobody_else(account, served | {("127.0.0.1", server.port) for server in USUAL_MODEL_SERVERS})
    assert_nothing_else(account, data, cache, temporary)
    assert [names_in(place) for place in (home, cache.parent, temporary)] == [{".cache"}, {cache.name}, set()]
    assert_as_listed("DATA_DIR", data, account, never=NOT_IN_A_CALL)
    assert_as_listed("CACHE_DIR", cache, account, never=FETCHED)


@pytest.mark.slow
async def test_a_call_with_the_settings_of_the_images_keeps_its_privacy(tmp_path: Path, cache_dir: Path) -> None:
    bots, voices, temporary, app = (folder(tmp_path / name) for name in ("bots", "voices", "tmp", "app"))
    await asyncio.to_thread(shutil.copytree, toy_whisper(cache_dir, no_progress), bots / "models" / "toys")
    async with Sandbox() as sandbox, ScriptedModel(lambda _: Answer("Good day to you.")) as model:
        speech = Container("tts", tmp_path / "speech.trace", voices)
        own = {"TTS_BIND": "127.0.0.1:0", "TTS_TOKEN": "of-the-secret", "TMPDIR": str(temporary)}
        async with running(*speech.command, folder=app, **speech.environment() | own) as voice:
            # The last line counts: without weights, the server first prints that its preferred engine is missing.
            *_, line = (await read_until(voice, "listening")).splitlines()
            address = json.loads(line)["listening"]
            env = {
                "LLM_URL": model.url,
                "TTS_WEBSOCKET_URL": address,
                "STT_MODEL": f"{VOLUME}/models/toys",
                "STT_COMPUTE_TYPE": "float32",
                "STT_LANGUAGE": "en",
                **sandbox.bot_settings,
            }
            bot = Container("bot", tmp_path / "bot.trace", bots)
            async with running(
                *bot.command, folder=app, **bot.environment(env) | own | {"WEB_BIND": "127.0.0.1:0"}
            ) as process:
                await hold_call(sandbox, process)
                served = served_here() | {("127.0.0.1", URL(address).port or 0)}
                await end(process)
            await end(voice)
    heard, spoken = read_account(bot.trace, app), read_account(speech.trace, app)
    assert programs_of_a_call(heard) | programs_of_a_call(spoken) == PROGRAMS
    for account, data in ((heard, bots), (spoken, voices)):
        assert_nobody_else(account, served)
        assert_nothing_else(account, data, temporary)
    assert [names_in(place) for place in (app, temporary)] == [set(), set()]
    assert_as_listed("DATA_DIR", bots, heard, never=(NOT_IN_A_CALL - {"models"}) | {"voices"}, besides={"cache"})
    assert names_in(voices) == {"voices"}


class Container:
    """The program and the variables of a service in the compose files, to run it without a container."""

    def __init__(self, service: str, trace: Path, volume: Path) -> None:
        self.trace = trace
        self._service = service
        self._volume = volume
        self._steps = inherited(read_stages(), service)
        (program,) = (step.listed for step in self._steps if step.keyword == "CMD")
        self.command = (*tracing(trace), sys.executable, *program[1:])

    def environment(self, env: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
        """The variables of the image and the service, with ``env`` as ``.env``. A folder replaces the volume."""
        where = folder(self.trace.with_suffix(".compose"))
        service = resolved(where, env="".join(f"{name}={value}\n" for name, value in env.items()))[self._service]
        found = {name: value for step in self._steps if step.keyword == "ENV" for name, value in step.variables.items()}
        found.update({name: value for name, value in service["environment"].items() if value is not None})
        # Python and its packages are this machine's.
        del found["PATH"]
        return {name: re.sub(rf"^{VOLUME}(?=/|$)", str(self._volume), value) for name, value in found.items()}


def folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def no_progress(_: float, __: str) -> None:
    """Ignore the progress."""


def bring_toys(made: Path, cache: Path) -> None:
    """Copy the toy weights of an earlier test, because making them takes half a minute."""
    folder(cache)
    whisper = toy_whisper(made, no_progress)
    shutil.copytree(whisper, cache / whisper.name)
    shutil.copy(toy_weights(made), cache)


async def told_by(process: asyncio.subprocess.Process) -> str:
    """What a program has written since its output was read last, as far as it comes within a second."""
    told = bytearray()
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            while process.stdout is not None and (piece := await process.stdout.read(4096)):
                told += piece
    return told.decode(errors="replace")


async def hold_call(sandbox: Sandbox, process: asyncio.subprocess.Process) -> None:
    """Have a call in which Ada speaks and is answered aloud, and which the server's owner has recorded."""
    await read_until(process, "Connected as")
    owner, ada = sandbox.guest_for(sandbox.home.owner), await sandbox.add_guest("Ada")
    await ada.join_voice(sandbox.voice_channel)
    await ada.say(sandbox.text_channel, "!join")
    try:
        await ada.wait_for_message(sandbox.text_channel, lambda m: m.content.startswith("🎤 Joined"), LIMIT)
    except TimeoutError as error:
        error.add_note(await told_by(process))
        raise
    async with asyncio.timeout(LIMIT):
        while not ada.voice.encrypted:
            await asyncio.sleep(0.05)
    await talk(ada, QUESTION)
    await read_until(process, f"Ada {QUESTION}")
    await read_until(process, "· spoken")
    assert ada.voice.receiver.count(sandbox.bot_id)
    await owner.say(sandbox.text_channel, "!record on")
    await ada.wait_for_message(sandbox.text_channel, lambda m: m.content.startswith("🔴 I'm recording."), LIMIT)


async def end(process: asyncio.subprocess.Process) -> None:
    """End the traced program, as a service manager does."""
    (traced,) = psutil.Process(process.pid).children()
    traced.terminate()
    said = await output(process)
    assert process.returncode == 0, said


def programs_of_a_call(account: Account) -> set[str]:
    return {end for end in PROGRAMS if any(end in line for line in account.programs)}


def served_here() -> set[Address]:
    """The addresses of this process's servers: Discord and, if used, the model."""
    return {(each.laddr.ip, each.laddr.port) for each in psutil.Process().net_connections("inet")}


def assert_nobody_else(account: Account, named: set[Address]) -> None:
    # The sandbox sends voice clients to localhost, a name that every machine knows without asking a server.
    assert account.asked <= {"localhost"}
    assert account.strangers - named == set()


def assert_nothing_else(account: Account, *places: Path) -> None:
    """Check that files were written only in these places. Python's own caches don't count."""
    assert {
        path
        for path in account.made
        if not any(path.is_relative_to(place) for place in (*places, *map(Path, ("/dev", "/proc"))))
        and "__pycache__" not in path.parts
    } == set()


def names_in(place: Path) -> set[str]:
    return {path.name for path in place.iterdir()}


def assert_as_listed(
    variable: str, place: Path, account: Account, *, never: Set[str] = frozenset(), besides: Set[str] = frozenset()
) -> None:
    """Check that the folder has no files but those in the operator's guide and in ``besides``.

    All files in the guide have to exist now or to have existed before, except those in ``never``.
    """
    listed = listed_files(variable)
    assert {name for name in names_in(place) - besides if not any(fnmatch(name, each) for each in listed)} == set()
    been = names_in(place) | {path.relative_to(place).parts[0] for path in account.made if place in path.parents}
    assert {each for each in listed if not any(fnmatch(name, each) for name in been)} == never


def listed_files(variable: str) -> set[str]:
    """The names and patterns in the operator's guide's table of files."""
    listed: set[str] = set()
    for row in rows(OPERATOR, "file"):
        path, *more = row.code(0)
        where, _, name = path.partition("/")
        if where == variable:
            name = name.rstrip("/").replace("…", "*")
            listed |= {name, *(name + ending for ending in more if ending[0] in "-.")}
    return listed
