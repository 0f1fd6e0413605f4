"""``python -m toys.whisper.making PARENT COMMAND …``: the long work of making the toy, in separate processes.

``render FOLDER FIRST STEP`` writes the examples of every ``STEP``-th phrase from ``FIRST`` on, one file per phrase.
``fit FOLDER`` reads these files and writes the model next to them. Both print the share of the work that is done, one
number per line. They end when the process with the id ``PARENT`` ends.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from config.lifetime import end_with_parent
from toys.whisper.classifier import fit
from toys.whisper.encoder import make_encoder
from toys.whisper.material import examples
from toys.whisper.model_files import write_model
from toys.whisper.phrases import HEARD_PHRASES

MODEL = "model"


def render(folder: Path, first: int, step: int) -> None:
    """Write ``PHRASE.npz`` for every ``step``-th phrase from ``first`` on."""
    phrases = range(first, len(HEARD_PHRASES), step)
    for done, phrase in enumerate(phrases, start=1):
        targets, summaries = zip(*examples(phrase), strict=True)
        np.savez(folder / f"{phrase}.npz", targets=np.array(targets), summaries=np.stack(summaries))
        _tell(done / len(phrases))


def fit_model(folder: Path) -> None:
    """Train on all rendered examples, and write the model."""
    parts = [np.load(folder / f"{phrase}.npz") for phrase in range(len(HEARD_PHRASES))]
    summaries = np.concatenate([part["summaries"] for part in parts])
    targets = np.concatenate([part["targets"] for part in parts])
    classifier = fit(summaries, targets, _tell)
    (folder / MODEL).mkdir()
    write_model(folder / MODEL, make_encoder(), classifier)


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
