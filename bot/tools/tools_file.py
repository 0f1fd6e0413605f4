"""The file of tools (``TOOLS_FILE``): the MCP servers, who may use their tools, and which tools need a yes first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bot.text import enumerated, shorten
from config.reasons import UNREADABLE, reason
from config.spelling import nearest
from config.yaml_files import DuplicateKeyError, read_yaml

DEFAULT_FILE = Path("tools.yaml")
"""The value of ``TOOLS_FILE`` if it is not set. This file may be missing."""
MAX_BYTES = 256 * 1024
MAX_SERVERS = 32
MAX_BESIDE = 1_000
"""Maximum number of file names that are compared with the name of a missing file."""
_SUFFIXES = (".yaml", ".yml", ".json")
DEFAULT_PERMIT = "managers"
"""Who may use a tool of an MCP server if ``allow`` does not name the tool."""

_SERVERS, _ALLOW, _ASK = "mcpServers", "allow", "ask"
_SECTIONS = (_SERVERS, _ALLOW, _ASK)
_STDIO_KEYS = ("command", "args", "env")
_HTTP_KEYS = ("url", "headers")
_TYPES: Mapping[str, tuple[str, ...]] = {"command": ("stdio",), "url": ("http", "streamable-http", "streamableHttp")}
"""The values of the key ``type`` that fit ``command`` and ``url``. Other programs write ``type``; it is optional."""
_IGNORED = ("type", "disabled", "autoApprove", "alwaysAllow", "timeout", "description")
"""Keys of a server that other programs write. They are accepted and have no effect, except that ``disabled: true``
leaves the server out."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_PERMIT = re.compile(r"everyone|nobody|(managers|role:[^,]{1,100})(,\s*(managers|role:[^,]{1,100}))*")
_ONE_LINE = re.compile(r"[^\x00-\x1f\x7f]*")


class ToolsFileError(ValueError):
    """The file of tools can't be used. ``faults`` has a sentence for each mistake."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class StdioServer:
    """An MCP server that is a program. ``environment`` is added to the few variables that every program gets."""

    name: str
    command: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class HttpServer:
    """An MCP server at an address. ``headers`` are sent with each request."""

    name: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ToolRules:
    """Who may use the tools of MCP servers, and which tools must be confirmed each time.

    A tool's name here is the one that its server gives it, or SERVER/TOOL for the tool of one server.

    Attributes:
        allow: the permit of each tool, in the words of :meth:`bot.access.Permit.parse`.
        ask: the tools that run only after the person has said yes.
    """

    allow: Mapping[str, str] = field(default_factory=dict)
    ask: frozenset[str] = frozenset()

    def permit(self, server: str, tool: str) -> str:
        """The permit of a tool."""
        return self.allow.get(f"{server}/{tool}") or self.allow.get(tool) or DEFAULT_PERMIT

    def asks_first(self, server: str, tool: str) -> bool:
        """Whether the person must say yes before the tool runs."""
        return tool in self.ask or f"{server}/{tool}" in self.ask

    @property
    def names(self) -> frozenset[str]:
        """All names of tools in the rules."""
        return self.ask | self.allow.keys()


@dataclass(frozen=True, slots=True)
class ToolsFile:
    """The content of the file of tools."""

    servers: tuple[StdioServer | HttpServer, ...] = ()
    rules: ToolRules = field(default_factory=ToolRules)


def similar_file(path: Path) -> str | None:
    """The name of a file beside a missing ``path`` that probably was meant ("tools.yml"). Blocks."""
    if path.exists() or not path.parent.is_dir():
        return None
    beside = [each.name for each in islice(path.parent.iterdir(), MAX_BESIDE) if each.suffix in _SUFFIXES]
    same_stem = next((name for name in sorted(beside) if Path(name).stem == path.stem), None)
    return same_stem or nearest(path.name, beside)


def read_tools_file(path: Path) -> ToolsFile:
    """Read and check the file. If the default file is missing, there are no tools. Blocks.

    Raises:
        ToolsFileError: there are mistakes. All of them are named.
    """
    try:
        if path == DEFAULT_FILE and not path.exists():
            return ToolsFile()
        if path.stat().st_size > MAX_BYTES:
            raise ToolsFileError(f"TOOLS_FILE={path} is larger than {MAX_BYTES // 1024} KiB.")
        content = read_yaml(path, unique_keys=True)
    except ToolsFileError:
        raise
    except DuplicateKeyError as error:
        raise ToolsFileError(f"TOOLS_FILE={path}: {error}. One of them would be ignored.") from error
    except UNREADABLE as error:
        meant = similar_file(path)
        hint = f" Did you mean {meant}?" if meant is not None else ""
        raise ToolsFileError(f"TOOLS_FILE={path} can't be read: {reason(error)}.{hint}") from error
    reading = _Reading()
    read = reading.file(content)
    if reading.faults:
        raise ToolsFileError(*(f"TOOLS_FILE={path}: {fault}" for fault in reading.faults))
    return read


class _Reading:
    """Reads the content of the file, and collects sentences about its mistakes.

    The sentences show no values of servers, since these may be secret.
    """

    def __init__(self) -> None:
        self.faults: list[str] = []

    def file(self, content: Any) -> ToolsFile:
        sections = self._object(content, "the file", f"the keys {enumerated(_SECTIONS)}")
        self._only(sections, _SECTIONS, "the file")
        servers = self._object(sections.get(_SERVERS), _SERVERS, "a name and its settings for each server")
        if len(servers) > MAX_SERVERS:
            self.faults.append(f"{_SERVERS}: there may be at most {MAX_SERVERS} servers.")
        read = [self._server(name, content) for name, content in list(servers.items())[:MAX_SERVERS]]
        found = tuple(each for each in read if each is not None)
        return ToolsFile(found, ToolRules(self._allow(sections.get(_ALLOW)), self._ask(sections.get(_ASK))))

    def _server(self, name: object, content: Any) -> StdioServer | HttpServer | None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            self.faults.append(
                f"{_SERVERS}: {_shown(name)} can't be a server's name. It must have 1 to 32 letters, digits, _ or -."
            )
            return None
        where = f"{_SERVERS}.{name}"
        keys = self._object(content, where, "command or url")
        if keys.get("disabled") is True:
            return None
        keys = {key: value for key, value in keys.items() if key not in _IGNORED or key == "type"}
        if ("command" in keys) == ("url" in keys):
            before = len(self.faults)
            self._only(keys, (*_STDIO_KEYS, *_HTTP_KEYS, "type"), where)
            if isinstance(content, dict) and len(self.faults) == before:
                self.faults.append(f"{where}: it must have either command (a program) or url (an address).")
            return None
        kind, allowed = ("command", _STDIO_KEYS) if "command" in keys else ("url", _HTTP_KEYS)
        self._only(keys, (*allowed, "type"), where)
        if keys.get("type", _TYPES[kind][0]) not in _TYPES[kind]:
            self.faults.append(f"{where}.type: with {kind}, it must be {_TYPES[kind][0]}. It can also be left out.")
        before = len(self.faults)
        if kind == "command":
            command = self._text(keys["command"], f"{where}.command")
            arguments = self._texts(keys.get("args"), f"{where}.args")
            environment = self._pairs(keys.get("env"), f"{where}.env", _VARIABLE, "name of a variable")
            found: StdioServer | HttpServer = StdioServer(name, command, arguments, environment)
        else:
            url = self._url(keys["url"], f"{where}.url")
            found = HttpServer(
                name, url, self._pairs(keys.get("headers"), f"{where}.headers", _HEADER, "header's name")
            )
        return found if len(self.faults) == before else None

    def _allow(self, content: Any) -> Mapping[str, str]:
        permits = self._object(content, _ALLOW, "a tool's name and who may use it, in each line")
        read: dict[str, str] = {}
        for tool, who in permits.items():
            if not self._is_tool(tool, _ALLOW):
                continue
            if isinstance(who, str) and _PERMIT.fullmatch(who.strip()):
                read[tool] = who.strip()
            else:
                self.faults.append(
                    f"{_ALLOW}.{shorten(tool, 64)}: {_shown(who)} is not valid. It must be everyone, managers, "
                    "role:NAME or nobody."
                )
        return read

    def _ask(self, content: Any) -> frozenset[str]:
        if content is None:
            return frozenset()
        if not isinstance(content, list):
            self.faults.append(f"{_ASK}: it must be a list of tools' names.")
            return frozenset()
        return frozenset(tool for tool in content if self._is_tool(tool, _ASK))

    def _is_tool(self, name: object, where: str) -> bool:
        if isinstance(name, str) and name.strip() and len(name) <= 200:
            return True
        self.faults.append(f"{where}: {_shown(name)} can't be a tool's name. Put the name into quotes.")
        return False

    def _object(self, content: Any, where: str, wanted: str) -> dict[Any, Any]:
        if content is None:
            return {}
        if isinstance(content, dict):
            return content
        self.faults.append(f"{where}: it must have {wanted}.")
        return {}

    def _only(self, keys: Mapping[Any, Any], known: tuple[str, ...], where: str) -> None:
        for key in keys:
            if key not in known:
                near = nearest(str(key), known)
                others = enumerated([each for each in known if each != "type"])
                meant = f"Did you mean {near}?" if near else f"Known are {others}."
                self.faults.append(f"{where}: there is no key {_shown(key)}. {meant}")

    def _text(self, value: Any, where: str) -> str:
        if isinstance(value, str) and value.strip() and "\0" not in value:
            return value
        self.faults.append(f"{where}: it must be text.")
        return ""

    def _texts(self, value: Any, where: str) -> tuple[str, ...]:
        if value is None:
            return ()
        if isinstance(value, list) and all(isinstance(each, str) and "\0" not in each for each in value):
            return tuple(value)
        self.faults.append(f"{where}: it must be a list of texts. Put numbers, yes and no into quotes.")
        return ()

    def _pairs(self, value: Any, where: str, names: re.Pattern[str], kind: str) -> Mapping[str, str]:
        pairs = self._object(value, where, "a name and a value in each line")
        self.faults += self._faults_of_pairs(pairs, where, names, kind)
        return {str(name): str(each) for name, each in pairs.items()}

    def _faults_of_pairs(
        self, pairs: Mapping[Any, Any], where: str, names: re.Pattern[str], kind: str
    ) -> Iterator[str]:
        for name, value in pairs.items():
            if not isinstance(name, str) or not names.fullmatch(name):
                yield f"{where}: {_shown(name)} can't be the {kind}."
            elif not isinstance(value, str) or not _ONE_LINE.fullmatch(value):
                yield f"{where}.{name}: it must be text in one line. Put numbers, yes and no into quotes."

    def _url(self, value: Any, where: str) -> str:
        if isinstance(value, str) and _is_web_address(value):
            return value
        self.faults.append(f"{where}: it must be an address that begins with http:// or https://.")
        return ""


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and text.isprintable() and " " not in text


def _shown(value: object) -> str:
    return repr(shorten(str(value), 40)) if isinstance(value, (str, int, float)) else "this"
