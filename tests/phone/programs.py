"""The real programs that phone calls are tested with: Kamailio as the PBX, baresip as a phone, and SIPp.

Each runs on 127.0.0.1, on ports of its own, in a folder of the test, and is killed at the test's end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.free_ports import free_port, free_ports

HOST = "127.0.0.1"
PATIENCE = 45.0
"""Seconds after which a test that waits has failed."""
KAMAILIO, BARESIP, SIPP = "kamailio", "baresip", "sipp"
_MODULES = Path("/usr/lib/baresip/modules")
_PBX = """#!KAMAILIO
debug=1
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:{host}:{port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", 1)
modparam("registrar", "max_expires", {expires})
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
        sl_send_reply("404", "Not here");
        exit;
    }}
    if (is_method("ACK")) {{ exit; }}
    t_check_trans();
    $var(password) = "secret-" + $au;
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("pbx", "$var(password)", "0")) {{ www_challenge("pbx", "1"); exit; }}
        save("location");
        exit;
    }}
    if (!is_method("INVITE")) {{ sl_send_reply("405", "Not here"); exit; }}
    if (!pv_proxy_authenticate("pbx", "$var(password)", "0")) {{ proxy_challenge("pbx", "1"); exit; }}
    consume_credentials();
    record_route();
    if (!lookup("location")) {{ sl_send_reply("404", "Nobody"); exit; }}
    t_relay();
}}
"""
_PHONE = """poll_method epoll
sip_listen {host}:{sip}
audio_source aufile,{folder}/says.wav
audio_player aufile,{folder}/unused.wav
audio_alert aufile,{folder}/unused.wav
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports {rtp}-{last}
module_path {modules}
module aufile.so
module sndfile.so
module g711.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {host}:{control}
snd_path {folder}
"""
_ACCOUNT = "<sip:{user}@{host}:{pbx};transport=udp>;auth_user={user};auth_pass=secret-{user};regint=60;audio_codecs={codec}/8000/1;ptime=20\n"  # noqa: E501  # one line of a file


_SIPP_CANT_BEGIN = 254
"""SIPp's exit status after an error before its first call."""


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip a test where a program is not installed."""
    missing = [name for name in programs if shutil.which(name) is None]
    packages = {KAMAILIO: "kamailio", BARESIP: "baresip-core", SIPP: "sip-tester"}
    install = " ".join(packages[name] for name in missing)
    return pytest.mark.skipif(
        bool(missing), reason=f"{', '.join(missing)} not installed (Debian: apt install {install})"
    )


def _write(folder: Path, files: dict[str, str]) -> None:
    """Write the settings of a program into a new folder."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)


@asynccontextmanager
async def running(folder: Path, *command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program in a group of its own, which is killed in the end. What it prints goes to a file."""
    with (folder / f"{Path(command[0]).name}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@asynccontextmanager
async def kamailio(folder: Path, expires: int = 60) -> AsyncIterator[int]:
    """A PBX whose users have the passwords ``secret-USER``. Gives its port.

    Args:
        expires: for how many seconds it registers a phone at most.
    """
    port = free_port()
    _write(folder, {"kamailio.cfg": _PBX.format(host=HOST, port=port, expires=expires)})
    options = ("-f", "kamailio.cfg", "-DD", "-E", "-m", "16", "-M", "4", "-P", str(folder / "pid"), "-Y", str(folder))
    async with running(folder, KAMAILIO, *options):
        async with asyncio.timeout(PATIENCE):
            while not await asyncio.to_thread(_answers, port):
                await asyncio.sleep(0.05)
        yield port


def _answers(port: int) -> bool:
    """Whether something on this port answers a question over SIP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        probe.settimeout(0.3)
        via = f"SIP/2.0/UDP {HOST}:{probe.getsockname()[1]};branch=z9hG4bKup;rport"
        head = f"OPTIONS sip:{HOST} SIP/2.0\r\nVia: {via}\r\nFrom: <sip:up@{HOST}>;tag=1\r\nTo: <sip:{HOST}>\r\n"
        probe.sendto(f"{head}Call-ID: up\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 5\r\n\r\n".encode(), (HOST, port))
        with contextlib.suppress(OSError):
            return bool(probe.recv(4096))
    return False


class Phone:
    """A running baresip, controlled over its TCP socket."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        folder: Path,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.process, self._folder, self._reader, self._writer = process, folder, reader, writer
        self._events: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        """Read netstrings of JSON."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int((await self._reader.readuntil(b":"))[:-1])
                said = json.loads((await self._reader.readexactly(length + 1))[:-1])
                if said.get("event"):
                    self._events.put_nowait(said)

    def command(self, name: str, parameter: str = "") -> None:
        """Do what a person would do on the phone: dial, hangup, sndcode, hold, resume."""
        text = json.dumps({"command": name, "params": parameter, "token": ""})
        self._writer.write(f"{len(text)}:{text},".encode())

    async def event(self, kind: str) -> str:
        """Wait for an event of this kind. Returns the text that comes with it."""
        async with asyncio.timeout(PATIENCE):
            while (found := await self._events.get())["type"] != kind:
                pass
        return found.get("param", "")

    def heard(self) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        """What the phone has played so far."""
        (file,) = self._folder.glob("dump-*-dec.wav")
        # The header has no length before the phone call is over.
        return np.frombuffer(file.read_bytes()[44:][: (file.stat().st_size - 44) // 2 * 2], np.int16)

    async def close(self) -> None:
        """Stop controlling the phone."""
        self._writer.close()
        self._reading.cancel()
        await asyncio.wait([self._reading])


@asynccontextmanager
async def baresip(
    folder: Path, user: str, pbx: int, says: np.ndarray[tuple[int], np.dtype[np.int16]], codec: str = "PCMA"
) -> AsyncIterator[Phone]:
    """A phone that is registered at a PBX.

    Args:
        says: what its microphone hears in every phone call, at 8,000 Hz.
    """
    # baresip listens for TLS, too, on the port after that of SIP.
    control, sip, rtp = free_port(), free_ports(2).start, free_ports(20)
    settings = {"control": control, "sip": sip, "rtp": rtp.start, "last": rtp.stop - 1, "modules": _MODULES}
    config = _PHONE.format(host=HOST, folder=folder, **settings)
    account = _ACCOUNT.format(user=user, host=HOST, pbx=pbx, codec=codec)
    _write(folder, {"config": config, "accounts": account, "contacts": ""})
    with wave.open(str(folder / "says.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(says.tobytes())
    async with running(folder, BARESIP, "-4", "-s", "-v", "-f", str(folder)) as process:
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(OSError):
                    reader, writer = await asyncio.open_connection(HOST, control)
                    break
                assert process.returncode is None, (folder / "baresip.log").read_text()[-2000:]
                await asyncio.sleep(0.05)
        phone = Phone(process, folder, reader, writer)
        try:
            yield phone
        finally:
            await phone.close()


async def sipp(folder: Path, scenario: str, port: int, *options: str) -> tuple[int, str]:
    """Run a scenario of SIPp. Returns its exit status and what it has printed, errors included."""
    (folder / "scenario.xml").write_text(scenario)
    for _ in range(5):
        status, said = await _sipp_once(folder, port, *options)
        # Another program may have taken a port since it was found to be free. SIPp has called nobody then.
        if status != _SIPP_CANT_BEGIN or "Address already in use" not in said:
            break
    return status, said


async def _sipp_once(folder: Path, port: int, *options: str) -> tuple[int, str]:
    media = free_ports(8).start
    addresses = (
        "-i",
        HOST,
        "-p",
        str(free_port()),
        "-mi",
        HOST,
        "-mp",
        str(media),
        "-cp",
        str(free_port()),
    )
    always = ("-sf", "scenario.xml", "-nostdin", "-trace_err", "-error_file", "errors.log", "-timeout", "60")
    async with running(folder, SIPP, f"{HOST}:{port}", *addresses, *always, *options) as process:
        async with asyncio.timeout(PATIENCE * 2):
            status = await process.wait()
    said = [
        (folder / name).read_text(errors="replace") for name in ("sipp.log", "errors.log") if (folder / name).exists()
    ]
    return status, "\n".join(said)[-4000:]
