"""Tests of ``make audit``. Its checks that need no network are also run on the whole project here."""

from __future__ import annotations

from email.message import Message
from pathlib import Path
from unittest.mock import Mock

import pytest

from config.project import ROOT
from tests.audit.foreign_code import code_from_outside, code_from_outside_in
from tests.audit.licences import NAMED, forbidden, required
from tests.audit.secrets import secrets_in, secrets_of, tracked_files


def package(name: str, **fields: str) -> Mock:
    about = Message()
    about["Name"] = name
    for field, value in fields.items():
        about[field.replace("_", "-")] = value
    return Mock(metadata=about)


def test_every_required_package_has_an_allowed_licence_or_a_reason() -> None:
    packages = required(ROOT / name for name in ("requirements.txt", "requirements-dev.txt"))
    assert forbidden(iter(packages)) == []
    assert len(packages) > 50


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({"License_Expression": "MIT"}, True),
        ({"License_Expression": "BSD-2-Clause AND Apache-2.0 WITH LLVM-exception"}, True),
        ({"License_Expression": "(MIT OR Apache-2.0) AND PSF-2.0"}, True),
        ({"License_Expression": "MIT AND GPL-2.0-only"}, False),
        ({"License_Expression": "AGPL-3.0-or-later"}, False),
        ({"Classifier": "License :: OSI Approved :: GNU Affero General Public License v3"}, False),
        ({"License": "All rights reserved"}, False),
        ({}, False),
    ],
)
def test_licences_that_are_not_allowed_are_reported(fields: dict[str, str], allowed: bool) -> None:
    assert (forbidden(iter([package("x", **fields)])) == []) is allowed
    assert forbidden(iter([package(next(iter(NAMED)), **fields)])) == [], "the package is named with its reason"


def test_there_is_no_secret_in_the_project() -> None:
    assert secrets_of(ROOT, tracked_files(ROOT)) == []


def test_without_git_all_files_outside_of_hidden_folders_are_looked_at(tmp_path: Path) -> None:
    for name in (".env.example", "a.txt", "folder/b.txt", ".venv/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("hf" + "_" + "a" * 34, encoding="utf-8")
    found = [line.partition(",")[0] for line in secrets_of(tmp_path, tracked_files(tmp_path))]
    assert sorted(found) == [".env.example", "a.txt", "folder/b.txt"]


@pytest.mark.parametrize(
    "secret",
    [
        "M" + "T" * 25 + "." + "abcdef" + "." + "x" * 30,
        "sk" + "-proj-" + "a" * 30,
        "gh" + "p_" + "a" * 36,
        "hf" + "_" + "a" * 34,
        "AK" + "IA" + "A" * 16,
        "S" + "K" + "0" * 32,
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "https://ada:" + "correcthorse" + "@example.com/x",
    ],
)
def test_secrets_are_known_by_their_forms(secret: str) -> None:
    assert [number for number, _ in secrets_in(f"a\nTOKEN={secret}\n")] == [2]


def test_no_program_starts_a_shell_or_reads_a_pickle() -> None:
    assert code_from_outside_in(ROOT) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from marshal import loads",
        "import numpy; numpy.load(file, allow_pickle=True)",
        "torch.load(file, weights_only=False)",
        "os.system(line)",
        "asyncio.create_subprocess_shell(line)",
        "subprocess.run(line, shell=True)",
        "eval(line)",
    ],
)
def test_shells_and_pickles_are_found(line: str) -> None:
    assert [number for number, _ in code_from_outside(f"import re\n{line}\n")] == [2]


def test_harmless_calls_are_not_reported() -> None:
    harmless = ("re.compile(form)", "platform.system()", "subprocess.run(command, shell=False)", "json.loads(text)")
    assert list(code_from_outside("\n".join(harmless))) == []
