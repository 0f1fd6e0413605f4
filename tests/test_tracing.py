"""Tests of the account of a traced program: it has all names that were looked up, addresses reached and files made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.timing import LIMIT
from tests.tracing import Account, read_account, require_strace, tracing

CURIOUS = """
import pathlib, socket, struct, subprocess, sys, threading

def ask(name):
    try:
        socket.getaddrinfo(name, 443)
    except OSError:
        pass

if "child" in sys.argv:
    thread = threading.Thread(target=ask, args=("telemetry.example",))
    thread.start()
    thread.join()
    pathlib.Path.home().joinpath(".device", "id").write_text("1")
else:
    ask("localhost")
    pathlib.Path.home().joinpath(".device").mkdir()
    subprocess.run([sys.executable, __file__, "child"], check=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, socket.socket() as server:
        sender.connect(("192.0.2.7", 4433))
        server.bind(("127.0.0.1", 0))
        server.listen()
        socket.create_connection(server.getsockname()).close()
    pathlib.Path("nscd").mkdir()
    with socket.socket(socket.AF_UNIX) as cache, socket.socket(socket.AF_UNIX) as client:
        cache.bind("nscd/socket")
        cache.listen()
        client.connect("nscd/socket")
        client.send(struct.pack("=iii", 2, 14, 15) + b"cached.example\\0")
"""


def account_of(folder: Path, program: str) -> Account:
    require_strace()
    (folder / "home").mkdir()
    (folder / "program.py").write_text(program)
    subprocess.run(
        [*tracing(folder / "trace"), sys.executable, str(folder / "program.py")],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "RES_OPTIONS": "timeout:1 attempts:1"},
        timeout=LIMIT,
        check=True,
    )
    return read_account(folder / "trace", folder)


def test_actions_of_a_program_its_children_and_their_threads_are_found(tmp_path: Path) -> None:
    account = account_of(tmp_path, CURIOUS)
    assert [program.endswith("program.py child") for program in account.programs] == [False, True]
    asked = {name for name in account.asked if not name.startswith("telemetry.example.")}
    assert asked - {"localhost"} == {"telemetry.example", "cached.example"}
    assert ("192.0.2.7", 4433) in account.strangers
    assert {port for _, port in account.strangers} <= {4433, 53}
    assert "nscd/socket" in account.neighbours
    device = tmp_path / "home" / ".device"
    assert {path for path in account.made if path.is_relative_to(tmp_path)} == {
        device,
        device / "id",
        tmp_path / "nscd",
    }


def test_a_quiet_program_has_an_empty_account(tmp_path: Path) -> None:
    account = account_of(tmp_path, "print('hello')")
    assert len(account.programs) == 1
    assert account == Account(programs=account.programs)
