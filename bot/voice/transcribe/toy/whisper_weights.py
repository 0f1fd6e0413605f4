"""Toy weights for Whisper: small enough to be made on the spot, for hearing people without a download.

They are a real model for the real faster-whisper, and know the phrases of ``phrases``, as espeak-ng says them, and
nothing else: from other words, from noise and from silence they understand nothing. The encoder is drawn, the decoder
is wired by hand, and one layer of it is fitted, on speech that went through Opus.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from filelock import FileLock

from bot.voice.transcribe.toy.phrases import HEARD_PHRASES, OTHER_SENTENCES

Progress = Callable[[float, str], None]

LOCK = ".toy-whisper.lock"
_MODULE = "bot.voice.transcribe.toy.making"
_MODEL = "model"
_MANIFEST = "made.json"
_ROOT = Path(__file__).resolve().parents[4]
_MOST_PROCESSES = 8
_RENDERING_SHARE = 0.92


def toy_whisper(cache_dir: Path, progress: Progress) -> Path:
    """The folder of the toy Whisper, made now unless an earlier run left it, whole, in the cache.

    Takes about half a minute on two cores, in processes of its own. The folder's name follows from the phrases and
    from how it is made, so what has changed is made anew; a process that dies half-way can't leave a broken one. Of
    two that want it at once, one makes it and the other waits. ``progress`` gets a share from 0 to 1 and what is being
    done, in this thread or another. Blocks: call it in a thread.

    Raises:
        OSError: the cache can't be written, or (``ChildProcessError``) the making failed; the text says how.
    """
    folder = cache_dir / f"toy-whisper-{_fingerprint()}"
    cache_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(cache_dir / LOCK):
        if not _is_whole(folder):
            with tempfile.TemporaryDirectory(dir=cache_dir, prefix=".toy-whisper-") as workplace:
                made = _make(Path(workplace), progress)
                _keep(made, folder)
    progress(1.0, "ready")
    return folder


def _make(workplace: Path, progress: Progress) -> Path:
    processes = max(1, min(os.cpu_count() or 1, _MOST_PROCESSES))
    shares = [0.0] * processes

    def render(number: int) -> None:
        def on_share(share: float) -> None:
            shares[number] = share
            progress(_RENDERING_SHARE * sum(shares) / processes, "speaking phrases")

        _run(on_share, "render", str(workplace), str(number), str(processes))

    progress(0.0, "speaking phrases")
    with ThreadPoolExecutor(processes) as threads:
        list(threads.map(render, range(processes)))
    _run(lambda share: progress(_RENDERING_SHARE + (1 - _RENDERING_SHARE) * share, "fitting"), "fit", str(workplace))
    model = workplace / _MODEL
    (model / _MANIFEST).write_text(json.dumps(_digests(model)), encoding="utf-8")
    return model


def _run(on_share: Callable[[float], None], *arguments: str) -> None:
    """Run one part of the making; raises :class:`ChildProcessError`."""
    # Many small matrices: threads of the algebra library would only wait for each other.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(  # noqa: S603
            (sys.executable, "-m", _MODULE, *arguments),
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as process,
    ):
        assert process.stdout is not None  # noqa: S101
        for line in process.stdout:
            on_share(float(line))
        if process.wait() != 0:
            errors.seek(0)
            last = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise ChildProcessError(f"The toy Whisper could not be made ({last or process.returncode})")


def _keep(made: Path, folder: Path) -> None:
    """Move it into place, where only a broken one may be."""
    if folder.exists():
        shutil.rmtree(folder)
    made.rename(folder)


def _is_whole(folder: Path) -> bool:
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return bool(manifest) and manifest == _digests(folder)
    except (OSError, ValueError):
        return False


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.iterdir() if path.name != _MANIFEST)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _fingerprint() -> str:
    """What the weights depend on: the tables, and every line of this package."""
    digest = hashlib.sha256(repr((HEARD_PHRASES, OTHER_SENTENCES)).encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]
