"""Toy weights for Whisper, made on this machine in half a minute, so that speech is recognised without a download.

They are a real model for faster-whisper. They recognise the phrases of ``phrases`` as espeak-ng speaks them, also over
somebody else's quieter voice. They recognise nothing in any other speech, in noise or in silence. The encoder is
random. The decoder is made by hand, except for the decoder's classifier, which is trained on speech that went through
Opus.
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
_TEMPORARY_PREFIX = ".toy-whisper-"
_MODULE = "toys.whisper.making"
_MODEL = "model"
_MANIFEST = "made.json"
_MAX_PROCESSES = 8
_RENDERING_SHARE = 0.92
"""Share of the progress that counts for speaking the phrases. The rest counts for fitting the weights."""


async def make_toy_whisper(cache_dir: Path, progress: Progress) -> Path:
    """Like :func:`toy_whisper`, in a thread. Cancelling it ends the making at once and leaves no files."""
    processes = Processes()
    try:
        return await asyncio.to_thread(toy_whisper, cache_dir, progress, processes)
    except asyncio.CancelledError:
        processes.end()
        raise


def toy_whisper(cache_dir: Path, progress: Progress, processes: Processes | None = None) -> Path:
    """Return the folder of the toy Whisper. It is made now, unless it is complete in the cache. Blocks.

    Making it takes about half a minute on two cores, in separate processes. The folder's name has a hash of the phrases
    and of this package's code, so a changed toy is made again. A killed process never leaves a broken folder, and the
    next call deletes its temporary files. If two processes need the toy, one makes it and the other waits.

    Args:
        progress: called with a share from 0 to 1 and the name of the current step, in any thread.
        processes: the child processes that make the toy. Pass them to be able to end them.

    Raises:
        OSError: the cache can't be written, or (``ChildProcessError``) the making failed.
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
            with tempfile.TemporaryDirectory(dir=cache_dir, prefix=_TEMPORARY_PREFIX) as workplace:
                _keep(_make(Path(workplace), progress, processes), folder)
    finally:
        lock.release()
    progress(1.0, "ready")
    return folder


def _clear(cache_dir: Path) -> None:
    """Delete the temporary folders of killed processes. Call it only with the lock."""
    for left in cache_dir.glob(f"{_TEMPORARY_PREFIX}*/"):
        shutil.rmtree(left, ignore_errors=True)


def _make(workplace: Path, progress: Progress, processes: Processes) -> Path:
    number = max(1, min(os.cpu_count() or 1, _MAX_PROCESSES))
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
    """Move the finished toy into place. If the folder exists already, it is broken, so it is deleted."""
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
    """A hash of everything that the weights depend on: the phrases, and the code of this package."""
    digest = hashlib.sha256(repr((HEARD_PHRASES, OTHER_SENTENCES)).encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]
