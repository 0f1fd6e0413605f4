"""``python -m toys.whisper.making PARENT COMMAND …``: the long work of making the toy, in separate processes.

``render FOLDER FIRST STEP`` writes the examples of every ``STEP``-th phrase from ``FIRST`` on, one file per phrase.
``fit FOLDER`` reads these files and writes the model next to them, once it is certain of every phrase. Both print the
share of the work that is done, one number per line. They end when the process with the id ``PARENT`` ends.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from config.lifetime import end_with_parent
from toys.whisper.certainty import Targets, certainty
from toys.whisper.classifier import Classifier, fit
from toys.whisper.encoder import Matrix, make_encoder
from toys.whisper.material import examples, unseen
from toys.whisper.model_files import write_model
from toys.whisper.phrases import HEARD_PHRASES

MODEL = "model"
ATTEMPTS = 4
"""Most times that a toy is fitted, with other random numbers each time, until it is certain of every phrase."""


def render(folder: Path, first: int, step: int) -> None:
    """Write ``PHRASE.npz`` for every ``step``-th phrase from ``first`` on."""
    # espeak-ng's sound depends on the texts before it. Each phrase has a fork of its own, so it always sounds the same.
    fork = multiprocessing.get_context("fork")
    phrases = range(first, len(HEARD_PHRASES), step)
    for done, phrase in enumerate(phrases, start=1):
        process = fork.Process(target=_render_phrase, args=(os.getpid(), folder, phrase))
        process.start()
        process.join()
        if process.exitcode:
            # The process has written its error.
            sys.exit(1)
        _tell(done / len(phrases))


def _render_phrase(parent: int, folder: Path, phrase: int) -> None:
    end_with_parent(parent)
    targets, summaries = zip(*examples(phrase), strict=True)
    others = np.stack(unseen(phrase))
    np.savez(folder / f"{phrase}.npz", targets=np.array(targets), summaries=np.stack(summaries), unseen=others)


def fit_model(folder: Path) -> None:
    """Train on all rendered examples, and write the model. The process ends if the model stays uncertain."""
    parts = [np.load(folder / f"{phrase}.npz") for phrase in range(len(HEARD_PHRASES))]
    summaries = np.concatenate([part["summaries"] for part in parts])
    targets = np.concatenate([part["targets"] for part in parts])
    others = np.concatenate([part["unseen"] for part in parts])
    said = np.repeat(np.arange(len(parts)), [len(part["unseen"]) for part in parts])
    classifier = fit_until_certain(summaries, targets, others, said, _tell)
    (folder / MODEL).mkdir()
    write_model(folder / MODEL, make_encoder(), classifier)


def fit_until_certain(
    summaries: Matrix, targets: Targets, others: Matrix, said: Targets, progress: Callable[[float], None]
) -> Classifier:
    """Train until the toy is certain of all phrases.

    From one attempt to the next, the phrases of which it was not certain get twice as many examples.

    Args:
        summaries, targets: the examples; see :func:`fit`.
        others: summaries that are not trained on.
        said: the phrase in each of them.
        progress: called with a share from 0 to 1 in the first attempt, which is nearly always the only one.

    Raises:
        SystemExit: it was not certain after :data:`ATTEMPTS` attempts. The message names the phrases.
    """
    weak = np.array([], np.int64)
    for seed in range(ATTEMPTS):
        classifier = fit(summaries, targets, progress if seed == 0 else lambda _: None, seed)
        weak = np.unique(said[~certainty(classifier, others, said).certain])
        if not len(weak):
            return classifier
        more = np.isin(targets, weak)
        summaries, targets = np.concatenate((summaries, summaries[more])), np.concatenate((targets, targets[more]))
    names = ", ".join(HEARD_PHRASES[phrase].text for phrase in weak)
    sys.exit(f"after {ATTEMPTS} attempts it was still not certain of: {names}")


def _tell(share: float) -> None:
    sys.stdout.write(f"{share:.4f}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit status."""
    parent, *work = arguments
    end_with_parent(int(parent))
    match work:
        case ["render", folder, first, step]:
            render(Path(folder), int(first), int(step))
        case ["fit", folder]:
            fit_model(Path(folder))
        case _:
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
