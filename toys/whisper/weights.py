"""Toy weights for Whisper: small enough to be made on the spot, for hearing people without a download.

They are a real model for the real faster-whisper, and know the phrases of ``phrases``, as espeak-ng says them, and
nothing else: from other words, from noise and from silence they understand nothing. The encoder is drawn, the decoder
is wired by hand, and one layer of it is fitted, on speech that went through Opus.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from filelock import FileLock, Timeout

from toys.cache import whisper_folder
from toys.whisper.phrases import HEARD_PHRASES, OTHER_SENTENCES
from toys.whisper.processes import MakingEndedError, Processes

Progress = Callable[[float, str], None]

LOCK = ".toy-whisper.lock"
_WORKPLACE = ".toy-whisper-"
_MODULE = "toys.whisper.making"
_MODEL = "model"
_MANIFEST = "made.json"
_MOST_PROCESSES = 8
_RENDERING_SHARE = 0.92


async def make_toy_whisper(cache_dir: Path, progress: Progress) -> Path:
    """As :func:`toy_whisper`, in a thread; when it is cancelled, the making ends at once and leaves nothing."""
    processes = Processes()
    try:
        return await asyncio.to_thread(toy_whisper, cache_dir, progress, processes)
    except asyncio.CancelledError:
        processes.end()
        raise


def toy_whisper(cache_dir: Path, progress: Progress, processes: Processes | None = None) -> Path:
    """The folder of the toy Whisper, made now unless an earlier run left it, whole, in the cache.

    Takes about half a minute on two cores, in processes of its own. The folder's name follows from the phrases and
    from how it is made, so what has changed is made anew; a process that dies half-way can't leave a broken one, and
    what it does leave is cleared away here. Of two that want it at once, one makes it and the other waits.
    Blocks: call it in a thread.

    Args:
        progress: gets a share from 0 to 1 and what is being done, in this thread or another.
        processes: where it is made, for who wants to end that.

    Raises:
        OSError: the cache can't be written, or (``ChildProcessError``) the making failed; the text says how.
        MakingEndedError: ``processes`` were ended.
    """
    processes = processes or Processes()
    folder = whisper_folder(cache_dir, _fingerprint())
    cache_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(cache_dir / LOCK)
    try:
        lock.acquire(cancel_check=lambda: processes.ended)
    except Timeout:
        raise MakingEndedError from None
    try:
        if not _is_whole(folder):
            _clear(cache_dir)
            with tempfile.TemporaryDirectory(dir=cache_dir, prefix=_WORKPLACE) as workplace:
                _keep(_make(Path(workplace), progress, processes), folder)
    finally:
        lock.release()
    progress(1.0, "ready")
    return folder


def _clear(cache_dir: Path) -> None:
    """Take away what was left by who was killed as it worked here. Only who has the lock may."""
    for left in cache_dir.glob(f"{_WORKPLACE}*/"):
        shutil.rmtree(left, ignore_errors=True)


def _make(workplace: Path, progress: Progress, processes: Processes) -> Path:
    number = max(1, min(os.cpu_count() or 1, _MOST_PROCESSES))
    shares = [0.0] * number

    def run(on_share: Callable[[float], None], *arguments: str) -> None:
        try:
            processes.run(_MODULE, *arguments, on_share=on_share)
        except ChildProcessError as error:
            raise ChildProcessError(f"The toy Whisper could not be made ({error})") from error

    def render(first: int) -> None:
        def on_share(share: float) -> None:
            shares[first] = share
            progress(_RENDERING_SHARE * sum(shares) / number, "speaking phrases")

        run(on_share, "render", str(workplace), str(first), str(number))

    progress(0.0, "speaking phrases")
    with ThreadPoolExecutor(number) as threads:
        list(threads.map(render, range(number)))
    run(lambda share: progress(_RENDERING_SHARE + (1 - _RENDERING_SHARE) * share, "fitting"), "fit", str(workplace))
    model = workplace / _MODEL
    (model / _MANIFEST).write_text(json.dumps(_digests(model)), encoding="utf-8")
    return model


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
