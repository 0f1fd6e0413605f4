"""Builds a Dockerfile without Docker: each stage is a layer over a root file system, each step runs in a chroot.

``python -m tests.deployment.rebuild [--base FOLDER] STAGE [COMMAND …]`` builds a stage and then runs the command in it,
read-only, as the image's user. The base is this machine's root with its Python. With ``--base`` it is a folder with a
file system, for example from debootstrap, which shows what a slim image lacks.

It needs root for the mounts. The mounts are in their own namespace, and everything is written to the layers. The layers
are in :data:`LAYERS`, a file system in memory, because no layer may be inside another one, and the lowest layer is the
machine's whole root.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from config.project import ROOT
from tests.deployment.dockerfile import Instruction, Stage, read_stages

LAYERS = Path("/dev/shm")
ROOM = 3 * 10**9
"""Bytes that must be free in :data:`LAYERS` for all images together."""
FIRST_PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
# Like Docker, a build uses this machine's access to the package index, and keeps it out of the images.
_HANDED_ON = re.compile(r"PIP_.*|.*_PROXY|SSL_CERT_FILE", re.IGNORECASE)
_HANDED_FOLDERS = ("/etc/ssl/certs", "/usr/share/ca-certificates", "/opt/wheels", "/opt/pypi", "/opt/pypi-more")
_ENTER = """
set -e
merged=$1 options=$2 user=$3 folder=$4 state=$5; shift 5
mount -t overlay overlay -o "$options" "$merged"
mount -t proc proc "$merged/proc"
mount --rbind /dev "$merged/dev"
if [ -n "$state" ]; then
    mount -t tmpfs tmpfs "$merged/tmp"
    mount --bind "$state" "$merged/data"
fi
exec chroot --userspec="$user" "$merged" /bin/sh -c 'cd "$0" && exec "$@"' "$folder" "$@"
"""


class StepFailed(Exception):  # noqa: N818
    """A step failed. The text is its output."""


@dataclass(frozen=True)
class Image:
    """An image: its layers, topmost first, and the settings of its steps and program."""

    layers: tuple[Path, ...]
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": FIRST_PATH})
    folder: str = "/"
    user: str = "0:0"


class Rebuild:
    """The images under one folder. Common stages are built once."""

    def __init__(self, work: Path, base: Path = Path("/"), stages: dict[str, Stage] | None = None) -> None:
        self._work = work
        self._stages = stages or read_stages()
        self._images: dict[str, Image] = {}
        self._base = self._made_base(base)

    def image(self, name: str) -> Image:
        """Build a stage; raises :class:`StepFailed`."""
        if name not in self._images:
            stage = self._stages[name]
            below = self.image(stage.base) if stage.base in self._stages else self._base
            layer = self._work / name
            layer.mkdir(exist_ok=True)
            image = replace(below, layers=(layer, *below.layers))
            for instruction in stage.instructions:
                image = self._step(image, instruction)
            self._images[name] = image
        return self._images[name]

    def run(self, image: Image, *command: str, state: Path) -> subprocess.Popen[bytes]:
        """Start a command in a read-only image, with ``state`` at ``/data`` and a new ``/tmp``."""
        os.chown(state, *map(int, image.user.split(":")))
        options = f"lowerdir={':'.join(map(str, image.layers))}"
        return self._enter(image, options, command, state, subprocess.PIPE)

    def _step(self, image: Image, instruction: Instruction) -> Image:
        match instruction.keyword:
            case "RUN":
                self._change(image, instruction.text)
            case "COPY":
                self._copy(image, *instruction.copied)
            case "ENV":
                new = {name: _filled(value, image.environment) for name, value in instruction.variables.items()}
                return replace(image, environment={**image.environment, **new})
            case "ARG":
                name, _, value = instruction.text.partition("=")
                return replace(image, environment={**image.environment, name: value.strip('"')})
            case "WORKDIR":
                (image.layers[0] / instruction.text.lstrip("/")).mkdir(parents=True, exist_ok=True)
                return replace(image, folder=instruction.text)
            case "USER":
                return replace(image, user=instruction.text)
        return image

    def _change(self, image: Image, step: str) -> None:
        options = (
            f"lowerdir={':'.join(map(str, image.layers[1:]))},upperdir={image.layers[0]},workdir={self._new('work')}"
        )
        process = self._enter(image, options, ("/bin/sh", "-c", step), None, subprocess.STDOUT)
        said, _ = process.communicate()
        if process.returncode != 0:
            raise StepFailed(f"RUN {step}\n{said.decode(errors='replace')[-4000:]}")

    def _enter(
        self, image: Image, options: str, command: tuple[str, ...], state: Path | None, errors: int
    ) -> subprocess.Popen[bytes]:
        handed = {name: value for name, value in os.environ.items() if _HANDED_ON.fullmatch(name)}
        place = (str(self._new("merged")), options, image.user, image.folder, str(state or ""))
        return subprocess.Popen(
            ("/usr/bin/unshare", "--mount", "/bin/sh", "-c", _ENTER, "enter", *place, *command),
            env={**image.environment, **({} if state else handed)},
            stdout=subprocess.PIPE,
            stderr=errors,
        )

    def _copy(self, image: Image, stage: str | None, sources: list[str], target: str) -> None:
        for source in sources:
            place = image.layers[0] / str(Path("/", image.folder, target)).lstrip("/")
            place = place / Path(source).name if target.endswith("/") else place
            # If the source is another stage: every layer of it but the base, the lower ones first.
            origins = (
                [layer / source.lstrip("/") for layer in self.image(stage).layers[-3::-1]] if stage else [ROOT / source]
            )
            for origin in origins:
                _merge(origin, place, link=stage is not None)

    def _made_base(self, base: Path) -> Image:
        """A replacement for the Python image: ``python`` and ``pip`` are on its path, and it can reach the index."""
        layer = self._new("base")
        layer.chmod(0o755)
        if base == Path("/"):
            # The image's user has to get at the interpreter, wherever that is.
            (layer / "root").mkdir()
            return Image((layer, base), {"PATH": f"{sys.base_prefix}/bin:{FIRST_PATH}"})
        programs = layer / "usr" / "local" / "bin"
        programs.mkdir(parents=True)
        (programs / "python").symlink_to("/usr/bin/python3")
        (programs / "pip").symlink_to("/usr/bin/pip3")
        (layer / "etc").mkdir()
        shutil.copy2("/etc/resolv.conf", layer / "etc" / "resolv.conf")
        for folder in filter(os.path.isdir, _HANDED_FOLDERS):
            shutil.copytree(folder, layer / folder.lstrip("/"), symlinks=True, dirs_exist_ok=True)
        return Image((layer, base))

    def _new(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._work))


def _merge(origin: Path, place: Path, *, link: bool) -> None:
    """Copy a file or the content of a folder to ``place``. Deletion marks of a layer delete files there."""
    if origin.is_dir() and not origin.is_symlink():
        place.mkdir(parents=True, exist_ok=True)
        for entry in origin.iterdir():
            if entry.name != "__pycache__" or link:
                _merge(entry, place / entry.name, link=link)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    if origin.is_char_device():
        return
    if link:
        os.link(origin, place, follow_symlinks=False)
    elif origin.exists():
        shutil.copy2(origin, place)


def _filled(value: str, variables: dict[str, str]) -> str:
    return re.sub(r"\$(\w+)", lambda match: variables.get(match[1], ""), value)


def main() -> int:
    """Build one stage and run a command in it."""
    parser = argparse.ArgumentParser(prog="python -m tests.deployment.rebuild")
    parser.add_argument("stage", choices=tuple(read_stages()))
    parser.add_argument("--base", type=Path, default=Path("/"))
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=LAYERS) as folder:
        Path(folder).chmod(0o755)
        state = Path(folder) / "data"
        state.mkdir()
        rebuild = Rebuild(Path(folder), options.base)
        image = rebuild.image(options.stage)
        said, errors = rebuild.run(image, *(options.command or ["id"]), state=state).communicate()
        sys.stdout.buffer.write(said + errors)
    return 0


if __name__ == "__main__":
    sys.exit(main())
