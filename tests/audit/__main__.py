"""``make audit`` looks for licences that are not allowed, secrets, shells, pickles, and packages with known weaknesses.

The exit status is 1 if there is something to mend.
"""

from __future__ import annotations

import sys

from rich.console import Console

from config.project import ROOT
from tests.audit.advisories import advisories
from tests.audit.foreign_code import PROGRAMS, code_from_outside_in
from tests.audit.licences import NAMED, forbidden, required
from tests.audit.secrets import secrets_of, tracked_files


def main() -> int:
    """Run all checks and print what they found."""
    console = Console(highlight=False, soft_wrap=True)
    packages = required(ROOT / name for name in ("requirements.txt", "requirements-dev.txt"))
    files = tracked_files(ROOT)
    licences, secrets = forbidden(iter(packages)), secrets_of(ROOT, files)
    running = code_from_outside_in(ROOT)
    weaknesses, said = advisories()
    console.print(f"Licences: {len(packages)} packages, {len(licences)} with a licence that is not allowed.")
    for name, reason in NAMED.items():
        console.print(f"  {name}: {reason}", markup=False)
    console.print(f"Secrets: {len(files)} files, {len(secrets)} places that look like one.")
    console.print(f"No shell, no pickle: {len(PROGRAMS)} packages, {len(running)} places that may run what comes in.")
    console.print(f"Advisories: {said}")
    found = (*licences, *secrets, *running, *weaknesses)
    for line in found:
        console.print(f"❌ {line}", markup=False)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
