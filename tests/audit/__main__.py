"""``make audit``: licences, secrets, and known weaknesses of packages. The status is 1 if something is to be mended."""

from __future__ import annotations

import sys

from rich.console import Console

from config.project import ROOT
from tests.audit.advisories import advisories
from tests.audit.licences import NAMED, forbidden, required
from tests.audit.secrets import secrets_of, tracked_files


def main() -> int:
    """Look, and say what was found."""
    console = Console(highlight=False, soft_wrap=True)
    packages = required(ROOT / name for name in ("requirements.txt", "requirements-dev.txt"))
    files = tracked_files(ROOT)
    licences, secrets = forbidden(iter(packages)), secrets_of(ROOT, files)
    weaknesses, said = advisories()
    console.print(f"Licences: {len(packages)} packages, {len(licences)} with a licence that is not allowed.")
    for name, reason in NAMED.items():
        console.print(f"  {name}: {reason}", markup=False)
    console.print(f"Secrets: {len(files)} files, {len(secrets)} places that look like one.")
    console.print(f"Advisories: {said}")
    for line in (*licences, *secrets, *weaknesses):
        console.print(f"❌ {line}", markup=False)
    return int(bool(licences or secrets or weaknesses))


if __name__ == "__main__":
    sys.exit(main())
