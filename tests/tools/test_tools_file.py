"""The file of tools is read, and each mistake in it is reported in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.tools.tools_file import (
    DEFAULT_PERMIT,
    HttpServer,
    StdioServer,
    ToolRules,
    ToolsFile,
    ToolsFileError,
    read_tools_file,
    similar_file,
)

WHOLE = """
mcpServers:
  time: {command: uvx, args: [mcp-server-time], env: {TZ: Europe/Berlin}}
  notes: {type: http, url: "https://notes.example.org/mcp", headers: {Authorization: Bearer SECRET}}
allow: {get_current_time: everyone, notes/search: "managers, role:Friends", wipe: nobody}
ask: [delete_note]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tools.yaml"


def faults_of(file: Path, text: str) -> tuple[str, ...]:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ToolsFileError) as caught:
        read_tools_file(file)
    assert all(fault.startswith(f"TOOLS_FILE={file}") for fault in caught.value.faults)
    return tuple(fault.removeprefix(f"TOOLS_FILE={file}").lstrip(": ") for fault in caught.value.faults)


def test_a_whole_file_is_read(file: Path) -> None:
    file.write_text(WHOLE)
    read = read_tools_file(file)
    assert read.servers == (
        StdioServer("time", "uvx", ("mcp-server-time",), {"TZ": "Europe/Berlin"}),
        HttpServer("notes", "https://notes.example.org/mcp", {"Authorization": "Bearer SECRET"}),
    )
    assert read.rules.permit("time", "get_current_time") == "everyone"
    assert read.rules.permit("notes", "search") == "managers, role:Friends"
    assert read.rules.permit("time", "search") == DEFAULT_PERMIT == "managers"
    assert read.rules.asks_first("notes", "delete_note")
    assert not read.rules.asks_first("notes", "search")
    assert "SECRET" not in repr(read)


def test_keys_that_other_programs_write_are_no_mistakes(file: Path) -> None:
    file.write_text("mcpServers: {a: {command: x, disabled: false, autoApprove: [y]}, b: {command: x, disabled: true}}")
    assert read_tools_file(file).servers == (StdioServer("a", "x"),)


def test_the_default_file_may_be_missing_and_another_may_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_tools_file(Path("tools.yaml")) == ToolsFile()
    with pytest.raises(ToolsFileError, match=r"TOOLS_FILE=mine\.yaml can't be read: there is no such file or folder"):
        read_tools_file(Path("mine.yaml"))


@pytest.mark.parametrize("text", ["", "mcpServers:\n", "allow: {}\nask: []\n"])
def test_an_empty_file_means_no_tools(file: Path, text: str) -> None:
    file.write_text(text)
    assert read_tools_file(file) == ToolsFile(rules=ToolRules({}, frozenset()))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("- a", "the file: it must have the keys mcpServers, allow and ask."),
        ("mcpServer: {}", "the file: there is no key 'mcpServer'. Did you mean mcpServers?"),
        ("mcpServers: [a]", "mcpServers: it must have a name and its settings for each server."),
        ("mcpServers: {a b: {command: x}}", "mcpServers: 'a b' can't be a server's name."),
        ("mcpServers: {1: {command: x}}", "mcpServers: '1' can't be a server's name."),
        ("mcpServers: {a: uvx}", "mcpServers.a: it must have command or url."),
        ("mcpServers: {a: {}}", "mcpServers.a: it must have either command (a program) or url (an address)."),
        ("mcpServers: {a: {command: x, url: 'http://a'}}", "mcpServers.a: it must have either command"),
        ("mcpServers: {a: {comand: x}}", "mcpServers.a: there is no key 'comand'. Did you mean command?"),
        ("mcpServers: {a: {command: x, arg: []}}", "mcpServers.a: there is no key 'arg'. Did you mean args?"),
        ("mcpServers: {a: {command: x, headers: {}}}", "mcpServers.a: there is no key 'headers'. Known are"),
        ("mcpServers: {a: {command: x, type: sse}}", "mcpServers.a.type: with command, it must be stdio."),
        ("mcpServers: {a: {command: [x]}}", "mcpServers.a.command: it must be text."),
        ("mcpServers: {a: {command: x, args: y}}", "mcpServers.a.args: it must be a list of texts."),
        ("mcpServers: {a: {command: x, args: [1]}}", "mcpServers.a.args: it must be a list of texts. Put numbers"),
        ("mcpServers: {a: {command: x, env: {A: 1}}}", "mcpServers.a.env.A: it must be text in one line."),
        ("mcpServers: {a: {command: x, env: {A-B: c}}}", "mcpServers.a.env: 'A-B' can't be the name of a variable."),
        ("mcpServers: {a: {url: 'ftp://a'}}", "mcpServers.a.url: it must be an address that begins with http://"),
        ("mcpServers: {a: {url: 'http://a:99999'}}", "mcpServers.a.url: it must be an address"),
        (
            'mcpServers: {a: {url: "http://a", headers: {A: "b\\r\\nC: d"}}}',
            "mcpServers.a.headers.A: it must be text in",
        ),
        ("allow: {look: friends}", "allow.look: 'friends' is not valid. It must be everyone, managers, role:NAME"),
        ("allow: {look: [everyone]}", "allow.look: this is not valid."),
        ("allow: {on: everyone}", "allow: 'True' can't be a tool's name. Put the name into quotes."),
        ("allow: [look]", "allow: it must have a tool's name and who may use it, in each line."),
        ("ask: look", "ask: it must be a list of tools' names."),
        ("ask: [[look]]", "ask: this can't be a tool's name."),
        ("a: [", "can't be read: it is not YAML"),
        ("a: " + "[" * 5_000, "can't be read: it is not YAML"),
        ("mcpServers: {a: {command: x, args: ['" + "x" * 300_000 + "']}}", "is larger than 256 KiB."),
    ],
)
def test_each_mistake_is_reported_in_a_sentence(file: Path, text: str, fault: str) -> None:
    found = faults_of(file, text)
    assert len(found) == 1
    assert found[0].startswith(fault)


def test_all_mistakes_are_reported_together_and_no_secret_is(file: Path) -> None:
    text = "mcpServers: {a: {command: 3, env: {KEY: [SECRET]}}, b: {url: 'SECRET'}}\nallow: {x: y}\nask: 3\n"
    found = faults_of(file, text)
    assert len(found) == 5
    assert "SECRET" not in " ".join(found)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("ask: [delete]\nask: [send]", "the key 'ask' in line 2 is there twice"),
        ("allow:\n  delete: nobody\n  delete: everyone", "the key 'delete' in line 3 is there twice"),
        ("mcpServers:\n  a: {command: x}\n  a: {command: y}", "the key 'a' in line 3 is there twice"),
    ],
)
def test_a_key_that_is_there_twice_is_reported(file: Path, text: str, fault: str) -> None:
    file.write_text(text)
    with pytest.raises(ToolsFileError, match=fault):
        read_tools_file(file)


def test_a_tab_at_the_beginning_of_a_line_is_reported(file: Path) -> None:
    (fault,) = faults_of(file, "mcpServers:\n\ttime: {command: uvx}\n")
    assert fault.endswith("line 2 begins with a tab, and YAML takes only spaces.")


@pytest.mark.parametrize("there", ["tools.yml", "tool.yaml", "Tools.yaml", "tools.json"])
def test_a_file_with_a_name_that_is_nearly_right_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.yaml").touch()
    assert similar_file(Path("tools.yaml")) is None
    (tmp_path / there).touch()
    assert similar_file(Path("tools.yaml")) == there
    with pytest.raises(ToolsFileError, match=f"Did you mean {there}"):
        read_tools_file(tmp_path / "tools.yaml")
