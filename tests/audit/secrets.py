"""Finds secrets in files: tokens and keys of services, by their forms."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

FORMS = {
    "a token of a Discord bot": r"\b[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,}\b",
    "a key of OpenAI or a service like it": r"sk-[\w-]{20,}",
    "a token of GitHub": r"(?:gh[pousr]_\w{36}|github_pat_\w{60,})",
    "a token of Hugging Face": r"hf_[A-Za-z]{30,}",
    "a key of Google": r"AIza[\w-]{35}",
    "a key of AWS": r"(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a key of Twilio": r"SK[0-9a-f]{32}\b",
    "a token of Slack": r"xox[abprs]-[\w-]{10,}",
    "a private key": r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----",
    "a password in an address": r"https?://[^\s/:@\"'{}<>$]{1,64}:[^\s/:@\"'{}<>$]{8,64}@(?!\[?(?:127\.|localhost|::1))[\w-]+\.[a-z]{2,}",
}
_FORMS = {kind: re.compile(form) for kind, form in FORMS.items()}


def tracked_files(root: Path) -> list[Path]:
    """All files of the project, and those that git would add. Without git, all files but those in hidden folders."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        visible = (each for each in root.iterdir() if not each.name.startswith(".") or each.is_file())
        return [file for each in visible for file in ([each] if each.is_file() else each.rglob("*"))]
    return [root / name for name in listed.decode().split("\0") if name]


def secrets_in(text: str) -> Iterator[tuple[int, str]]:
    """The line and the kind of each secret in a text."""
    # Most files have no secret, and are searched faster as a whole. A form that begins with a letter is found fastest.
    if not any(form.search(text) for form in _FORMS.values()):
        return
    for number, line in enumerate(text.splitlines(), 1):
        yield from ((number, kind) for kind, form in _FORMS.items() if form.search(line))


def secrets_of(root: Path, files: Iterable[Path]) -> list[str]:
    """A line for each secret in the files. The secret itself is not in it."""
    return [
        f"{file.relative_to(root)}, line {number}: looks like {kind}"
        for file in files
        if file.is_file()
        for number, kind in secrets_in(file.read_bytes().decode("utf-8", "replace"))
    ]
