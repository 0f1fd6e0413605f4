"""Tests of the architecture: which package may import which. Exceptions are listed with their reasons.

``python -m tests.arrows`` prints the existing imports between packages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from tests.arrows import Import, Tree, circles, is_in, reached

Arrow = tuple[str, str]
"""A module or package that imports, and one that is imported."""

GROUND_FLOOR = frozenset({"languages", "config", "hardware", "audio", "wire", "web_access"})
MAY_IMPORT: Mapping[str, frozenset[str]] = {
    # The ground floor: what more than one program needs.
    "languages": frozenset(),
    "config": frozenset({"languages"}),
    "hardware": frozenset({"config"}),
    "audio": frozenset({"config", "languages"}),
    "wire": frozenset({"config"}),
    "web_access": frozenset({"config"}),
    # Weights that stand in for real ones.
    "toys": GROUND_FLOOR,
    # Three programs. None of them knows another one.
    "tts_server": GROUND_FLOOR,
    "sandbox": GROUND_FLOOR,
    "bot": GROUND_FLOOR | {"toys", "bot.demo", "bot.rehearse"},
    # Programs that show or measure the others.
    "bot.demo": GROUND_FLOOR | {"toys", "sandbox", "bot"},
    "bot.rehearse": GROUND_FLOOR | {"toys", "sandbox", "bot", "bot.demo"},
    "benchmarks": GROUND_FLOOR | {"toys", "tts_server", "sandbox", "bot", "bot.demo"},
}

IN_BOT: Mapping[str, frozenset[str]] = {
    # Models and servers that are asked, and stored data.
    "bot.servers": frozenset(),
    "bot.llm": frozenset({"bot.servers"}),
    "bot.models": frozenset(),
    "bot.speech_server": frozenset({"bot.servers"}),
    "bot.database": frozenset(),
    "bot.fetching": frozenset(),
    "bot.knowledge": frozenset({"bot.llm"}),
    "bot.reminders": frozenset({"bot.database"}),
    "bot.restart": frozenset({"bot.database"}),
    "bot.usage": frozenset({"bot.database"}),
    "bot.conversations": frozenset({"bot.database", "bot.llm"}),
    "bot.memory": frozenset({"bot.database", "bot.conversations", "bot.llm"}),
    "bot.recollection": frozenset({"bot.knowledge", "bot.llm", "bot.memory", "bot.notes"}),
    "bot.notes": frozenset({"bot.database", "bot.llm"}),
    "bot.voices": frozenset({"bot.database", "bot.speech_server"}),
    "bot.autojoin": frozenset({"bot.database", "bot.voice"}),
    # What all stores together know of a person.
    "bot.personal_data": frozenset(
        {
            *("bot.conversations", "bot.database", "bot.memory", "bot.notes", "bot.speech_server", "bot.usage"),
            "bot.voices",
        }
    ),
    # The answers of the language model.
    "bot.responder": frozenset({"bot.llm"}),
    # What a language model can do.
    "bot.tools": frozenset({"bot.fetching", "bot.llm", "bot.reminders"}),
    # A call, and the features that are paused during a call.
    "bot.voice": frozenset({"bot.llm", "bot.servers", "bot.speech_server"}),
    "bot.spoken_messages": frozenset({"bot.llm", "bot.voice"}),
    # Music, which plays in a call's mixer, and may come from the web.
    "bot.music": frozenset({"bot.fetching", "bot.voice"}),
    "bot.features": frozenset(
        {
            *("bot.database", "bot.conversations", "bot.fetching", "bot.llm", "bot.speech_server"),
            "bot.spoken_messages",
        }
    ),
    # What the bot changes about itself when it is asked, in every kind of call.
    "bot.controls": frozenset({"bot.llm", "bot.music", "bot.tools", "bot.voice", "bot.voices"}),
    # Commands, and what watches or saves everything.
    "bot.commands": frozenset(
        {
            *("bot.speech_server", "bot.voices", "bot.llm", "bot.voice", "bot.spoken_messages", "bot.features"),
            *("bot.controls", "bot.database", "bot.knowledge", "bot.memory", "bot.personal_data", "bot.reminders"),
            *("bot.notes", "bot.tools", "bot.autojoin", "bot.music", "bot.usage"),
        }
    ),
    # The figures of calls and engines.
    "bot.monitoring": frozenset({"bot.usage", "bot.voice"}),
    # Conversations of programs, and the HTTP server, which has them and the page.
    "bot.api": frozenset({"bot.llm", "bot.speech_server", "bot.voice"}),
    "bot.http": frozenset(
        {
            *("bot.api", "bot.conversations", "bot.llm", "bot.speech_server"),
            *("bot.monitoring", "bot.setup", "bot.spoken_messages", "bot.voice", "bot.voices"),
        }
    ),
    # The guided setup, the console and events, imported characters, and backups.
    "bot.setup": frozenset({"bot.llm", "bot.voice"}),
    "bot.watching": frozenset({"bot.llm", "bot.voice"}),
    "bot.character_cards": frozenset({"bot.llm"}),
    "bot.backup": frozenset({"bot.conversations", "bot.database", "bot.llm", "bot.models", "bot.voices"}),
}
"""The packages of the bot. Each has the set of those among the others that it may import. All packages may also import
modules of the bot that are neither in this table nor in ``ON_TOP``."""
ON_TOP = frozenset(
    {
        "bot.app",
        "bot.autojoin_parts",
        "bot.browser_calls",
        "bot.call_announcer",
        "bot.call_factory",
        "bot.calls",
        "bot.client",
        "bot.command_line",
        "bot.core",
        "bot.core_parts",
        "bot.demo",
        "bot.doctor",
        "bot.feature_set",
        "bot.phone",
        "bot.phone_calls",
        "bot.rehearse",
        "bot.returning",
        "bot.run",
        "bot.talk",
        "bot.web",
    }
)
"""Modules and packages that put the parts together. No part imports them, except as :data:`SERVICES` says."""
SERVICES: Mapping[str, frozenset[str]] = {
    "bot.commands": frozenset({"bot.calls"}),
    "bot.http": frozenset({"bot.browser_calls"}),
    "bot.setup": frozenset({"bot.doctor"}),
}
"""What a package may import from :data:`ON_TOP` nevertheless: the package passes people's wishes on to it, or has it
test people's answers."""

DISCORD = (
    "bot.commands",
    "bot.feature",
    "bot.features",
    "bot.voice.discord",
    # The person who asks, and their permissions.
    "bot.access",
    "bot.guard",
    "bot.command_helpers",
    "bot.owners",
    "bot.whole_number",
    # The client and its events.
    "bot.client",
    "bot.gateway_events",
    "bot.presence",
    "bot.replying",
    "bot.discord_errors",
    "bot.spoken_messages.listener",
    "bot.watching.log",
    # The start.
    "bot.calls",
    "bot.doctor",
    "bot.first_start",
    "bot.returning",
    "bot.run",
    # discord.py's binding of libopus.
    "audio.opus",
    "sandbox.voice.opus",
    "toys.whisper.speech",
    # Measures the decoder of discord.py.
    "benchmarks.receive",
)
"""The parts that import Discord's library. All other parts work on text and arrays."""

# Exceptions that still exist, with reasons. A test fails when one is no longer needed: then delete its line.

KNOWN_ARROWS: Mapping[Arrow, str] = {}
KNOWN_DISCORD: Mapping[Arrow, str] = {}
KNOWN_CIRCLES: Mapping[Arrow, str] = {}


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree()


def top_of(module: str) -> str:
    on_the_sandbox = (package for package in ("bot.demo", "bot.rehearse") if is_in(module, package))
    return next(on_the_sandbox, module.partition(".")[0])


def assert_only_known(offences: Iterable[Import], known: Mapping[Arrow, str]) -> None:
    """Check that all offences are known, and that all known offences still exist."""
    found = [(each, [arrow for arrow in known if _is_along(each, arrow)]) for each in offences]
    unknown = [str(each) for each, arrows in found if not arrows]
    assert not unknown, "\n".join(unknown)
    assert known.keys() - {arrow for _, arrows in found for arrow in arrows} == set(), "no longer needed: remove it"


def _is_along(each: Import, arrow: Arrow) -> bool:
    return is_in(each.importer, arrow[0]) and is_in(each.imported, arrow[1])


def test_every_package_has_its_place_in_the_rules(tree: Tree) -> None:
    assert tree.packages - {"tests"} <= MAY_IMPORT.keys()
    assert [place for place in (*IN_BOT, *ON_TOP, *DISCORD) if place not in tree.modules] == []
    packages = {name.rpartition(".")[0] for name in tree.modules}
    assert {part for part in tree.inside("bot") if part in packages} <= IN_BOT.keys() | ON_TOP


def test_the_programs_import_only_shared_packages_and_never_each_other(tree: Tree) -> None:
    offences = [
        each
        for each in tree.imports
        if top_of(each.imported) in MAY_IMPORT.keys() | tree.packages
        and top_of(each.importer) != top_of(each.imported)
        and top_of(each.imported) not in MAY_IMPORT[top_of(each.importer)]
    ]
    assert_only_known(offences, KNOWN_ARROWS)


def test_no_package_of_the_bot_imports_one_above_it(tree: Tree) -> None:
    offences = []
    for package, allowed in IN_BOT.items():
        allowed = allowed | {package} | SERVICES.get(package, frozenset())
        forbidden = (IN_BOT.keys() | ON_TOP) - allowed
        offences += [
            each
            for each in tree.imports
            if is_in(each.importer, package) and any(is_in(each.imported, place) for place in forbidden)
        ]
    assert [str(each) for each in offences] == []


def test_no_feature_imports_another_feature(tree: Tree) -> None:
    features = tree.inside("bot.features")
    assert len(features) >= 8
    assert {feature: others for feature, others in features.items() if others} == {}


@pytest.mark.parametrize("package", ["bot.demo", "bot.rehearse"])
def test_only_the_command_line_imports_the_packages_that_run_on_the_sandbox(tree: Tree, package: str) -> None:
    importers = {each.importer for each in tree.imports if top_of(each.imported) == package}
    assert {name for name in importers if top_of(name) == "bot"} == {"bot.command_line"}


def test_the_discord_library_is_imported_in_few_places(tree: Tree) -> None:
    users = [each for each in tree.imports if is_in(each.imported, "discord")]
    assert [place for place in DISCORD if not any(is_in(each.importer, place) for each in users)] == []
    elsewhere = [each for each in users if not any(is_in(each.importer, place) for place in DISCORD)]
    assert_only_known(elsewhere, KNOWN_DISCORD)


def test_there_are_no_circles_between_the_parts_of_any_package(tree: Tree) -> None:
    packages = {name.rpartition(".")[0] for name in tree.modules}
    graphs = {package: tree.inside(package) for package in sorted(packages)}
    without = {
        package: {
            part: frozenset(other for other in others if (part, other) not in KNOWN_CIRCLES)
            for part, others in graph.items()
        }
        for package, graph in graphs.items()
    }
    assert {package: found for package, graph in without.items() if (found := circles(graph))} == {}
    needed = {
        (start, end)
        for start, end in KNOWN_CIRCLES
        if end in graphs[start.rpartition(".")[0]][start] and start in reached(graphs[start.rpartition(".")[0]], end)
    }
    assert KNOWN_CIRCLES.keys() - needed == set(), "no longer needed: remove it"


# Tests of tests/arrows.py itself


@pytest.fixture
def read(tmp_path: Path) -> Callable[[Mapping[str, str]], Tree]:
    """Makes a tree of files from their texts by module name. Each package gets an ``__init__``."""

    def read(files: Mapping[str, str]) -> Tree:
        for module, text in files.items():
            file = tmp_path.joinpath(*module.split(".")).with_suffix(".py")
            for folder in [file.parent, *file.parent.parents]:
                if folder == tmp_path:
                    break
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "__init__.py").touch()
            file.write_text(text)
        return Tree(tmp_path)

    return read


@pytest.mark.parametrize(
    "text",
    [
        "import b.c",
        "from b import c",
        "from b.c import thing",
        "import os, b.c as other",
        "def f():\n    if True:\n        from b.c import thing\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from b.c import Thing\n",
    ],
)
def test_imports_are_found_in_every_place_of_a_file(read: Callable[[Mapping[str, str]], Tree], text: str) -> None:
    tree = read({"a.m": text, "b.c": "thing = 1"})
    assert tree.inside("") == {"a": {"b"}, "b": frozenset()}
    assert [each.imported for each in tree.imports if each.imported.startswith("b")] == ["b.c"]


def test_relative_imports_are_refused(read: Callable[[Mapping[str, str]], Tree]) -> None:
    with pytest.raises(ValueError, match=r"a\.m, line 1: relative"):
        read({"a.m": "from . import other"})


def test_circles_are_found_at_every_level(read: Callable[[Mapping[str, str]], Tree]) -> None:
    tree = read({"a.x.one": "import a.y.two", "a.y.two": "import a.z", "a.z": "import a.x.one", "a.w": "import a.x"})
    assert circles(tree.inside("a")) == [["a.x", "a.y", "a.z"]]
    assert circles(tree.inside("")) == []


def test_a_known_exception_that_is_gone_must_be_removed_from_the_list() -> None:
    offence = Import("a.m", "b.c", 3)
    assert_only_known([offence], {("a", "b"): "soon"})
    with pytest.raises(AssertionError, match=r"a\.m, line 3: b\.c"):
        assert_only_known([offence], {})
    with pytest.raises(AssertionError, match="no longer needed"):
        assert_only_known([], {("a", "b"): "soon"})
