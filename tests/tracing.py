"""Traces a program and its children with strace: names looked up, addresses reached, files made."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

Address = tuple[str, int]
DNS = 53
"""The port of name servers."""

_CALLS = (
    "execve,connect,getsockname,sendto,sendmsg,sendmmsg,"
    "open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat"
)
_LOOPBACK = "127.0.0.1"
_DNS_HEADER = 12
_RESOLVERS = ("nscd/socket", "io.systemd.Resolve")
_NSCD_HEADER = struct.Struct("=iii")
_NSCD_HOSTS = (4, 5, 14)
"""Request types of nscd for a host: IPv4, IPv6, and both."""

_WHOLE_CALL = re.compile(r"(\w+)\((.*)\)\s+= (-?\w+|\?).*", re.DOTALL)
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_INET = re.compile(r'sin_port=htons\((\d+)\), sin_addr=inet_addr\("([^"]+)"\)')
_INET6 = re.compile(r'sin6_port=htons\((\d+)\).*?inet_pton\(AF_INET6, "([^"]+)"')
_PEER = re.compile(r"^\d+<(?:TCP|UDP)(?:v6)?:\[.*->\[?(.+?)\]?:(\d+)\]>")
_UNIX = re.compile(r'sun_path=@?"([^"]+)"')
_UNIX_SOCKET = re.compile(r"^\d+<UNIX[\w-]*:\[(\d+)")
_FOLDER = re.compile(r"<(/[^>]*)>")


@dataclass(slots=True)
class Account:
    """The traced actions. IPv6 loopback addresses are given as IPv4.

    Attributes:
        programs: the command lines of started programs.
        asked: the host names that a resolver was asked for.
        reached: the addresses that were connected or sent to.
        own: the addresses of the programs' own sockets.
        neighbours: the paths of Unix sockets to which a connection succeeded.
        made: the files and folders that were made, or opened for writing.
    """

    programs: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    reached: set[Address] = field(default_factory=set)
    own: set[Address] = field(default_factory=set)
    neighbours: set[str] = field(default_factory=set)
    made: set[Path] = field(default_factory=set)

    @property
    def strangers(self) -> set[Address]:
        """The reached addresses that are not the programs' own."""
        return self.reached - self.own


def require_strace() -> None:
    """Skip the test if programs can't be traced here."""
    if shutil.which("strace") is None:
        pytest.skip("needs the program strace")
    done = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)  # noqa: S607
    if done.returncode:
        pytest.skip(f"strace may not trace here: {done.stderr.strip()}")


def tracing(trace: Path) -> tuple[str, ...]:
    """The words in front of a command that trace it and its children to the file ``trace``.

    A traced program is slow. It runs at low priority, so that real-time tests beside it are not disturbed.
    """
    return (
        "nice",
        "-n",
        "10",
        "strace",
        "-f",
        "-qq",
        "--seccomp-bpf",
        "-yy",
        "-s",
        "600",
        "-e",
        f"trace={_CALLS}",
        "-o",
        str(trace),
    )


def read_account(trace: Path, folder: Path) -> Account:
    """Read a trace. ``folder`` is the working directory of the command."""
    account, resolvers = Account(), set[str]()
    for call in _calls(trace.read_text(errors="replace")):
        match call.name:
            case "execve":
                if call.result == "0":
                    account.programs.append(" ".join(_texts(call.arguments)[1:]))
            case "getsockname":
                account.own.update(_addresses(call.arguments))
            case "connect":
                account.reached.update(_addresses(call.arguments))
                if (path := _UNIX.search(call.arguments)) and call.result == "0":
                    account.neighbours.add(path[1])
                    if path[1].endswith(_RESOLVERS):
                        resolvers.add(_unix_socket(call.arguments))
            case "sendto" | "sendmsg" | "sendmmsg":
                # The peer of the socket is not added: `connect` has added it, or it is a client, which was not reached.
                sent_to = set(_addresses(call.arguments))
                account.reached |= sent_to
                if any(port == DNS for _, port in (*sent_to, *_peer(call.arguments))):
                    account.asked.update(filter(None, map(_name_in_datagram, _datas(call.arguments))))
                elif _unix_socket(call.arguments) in resolvers:
                    account.asked.update(filter(None, map(_name_in_request, _datas(call.arguments))))
            case _ if call.made:
                account.made.add(folder / call.path)
    # Nothing can be sent to port 0. glibc uses it to find the route of a packet.
    account.reached = {address for address in account.reached if address[1]}
    return account


@dataclass(frozen=True, slots=True)
class _Call:
    name: str
    arguments: str
    result: str

    @property
    def made(self) -> bool:
        """Whether the call made a file or folder, or opened a file for writing."""
        if self.result.startswith("-"):
            return False
        return not self.name.startswith("open") or bool(re.search(r"O_CREAT|O_WRONLY|O_RDWR", self.arguments))

    @property
    def path(self) -> Path:
        """The path that the call made: the last one among its arguments."""
        before, _, _ = self.arguments.rpartition('"')
        folder = _FOLDER.findall(before.rpartition('"')[0])
        return Path(folder[-1] if folder else "", _datas(self.arguments)[-1].decode("utf-8", "replace"))


def _calls(trace: str) -> Iterator[_Call]:
    """Yield each call as a whole. strace writes a call in two parts if another thread interrupts it."""
    begun: dict[str, str] = {}
    for line in trace.splitlines():
        thread, _, text = line.partition(" ")
        text = text.lstrip()
        if text.endswith("<unfinished ...>"):
            begun[thread] = text.removesuffix("<unfinished ...>").rstrip()
            continue
        if text.startswith("<... "):
            text = begun.pop(thread, "") + text.partition("resumed>")[2]
        if call := _WHOLE_CALL.fullmatch(text):
            yield _Call(*call.groups())
    for text in begun.values():
        name, _, arguments = text.partition("(")
        yield _Call(name, arguments, "?")


def _addresses(arguments: str) -> Iterator[Address]:
    for pattern in (_INET, _INET6):
        for port, host in pattern.findall(arguments):
            yield _address(host, port)


def _peer(arguments: str) -> Iterator[Address]:
    """The peer of a connected socket."""
    if peer := _PEER.match(arguments.partition(", ")[0]):
        yield _address(*peer.groups())


def _address(host: str, port: str) -> Address:
    return _LOOPBACK if host in ("::1", f"::ffff:{_LOOPBACK}") else host, int(port)


def _unix_socket(arguments: str) -> str:
    found = _UNIX_SOCKET.match(arguments)
    return found[1] if found else ""


def _datas(arguments: str) -> list[bytes]:
    return [text.encode("latin-1", "replace") for text in _texts(arguments)]


def _texts(arguments: str) -> list[str]:
    return [_unescaped(text) for text in _TEXT.findall(arguments)]


def _unescaped(text: str) -> str:
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape") if "\\" in text else text


def _name_in_datagram(data: bytes) -> str:
    """The host name in a DNS query. If the data is something else, it is empty or has no meaning."""
    labels, at = [], _DNS_HEADER
    while at < len(data) and (length := data[at]):
        labels.append(data[at + 1 : at + 1 + length])
        at += 1 + length
    return b".".join(labels).decode("ascii", "replace") if at < len(data) else ""


def _name_in_request(data: bytes) -> str:
    """The host name in a request to nscd or systemd-resolved. Empty if the data is no such request."""
    if data.startswith(b"{"):
        return str(json.loads(data.rstrip(b"\0")).get("parameters", {}).get("name", ""))
    if len(data) > _NSCD_HEADER.size and _NSCD_HEADER.unpack_from(data)[1] in _NSCD_HOSTS:
        return data[_NSCD_HEADER.size :].rstrip(b"\0").decode("ascii", "replace")
    return ""
