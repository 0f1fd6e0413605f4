"""Turns off telemetry of libraries, keeps them offline, and makes new files private."""

from __future__ import annotations

import os

SILENCED = {
    # onnxruntime stores a device id in the home folder and contacts Microsoft every ten seconds.
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # Older versions of Hugging Face's libraries, and libraries that follow their example, read the next two.
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    # XTTS's training library, which is imported together with XTTS, reads this variable.
    "TRAINER_TELEMETRY": "0",
    "ANONYMIZED_TELEMETRY": "False",
    "GRADIO_ANALYTICS_ENABLED": "False",
}
"""Environment variables, and the values that turn telemetry off."""

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
}
"""Environment variables that keep libraries from downloading weights. Weights on the disk still load."""


OWNER_ONLY = 0o077
"""File mode mask (umask): no rights for other users."""


def keep_private() -> None:
    """Turn telemetry off for this process and its children.

    Values that are already set are kept. Libraries read these variables when they are imported. Therefore the packages
    ``bot``, ``toys`` and ``tts_server`` call this on import, before they import any library.
    """
    for name, value in SILENCED.items():
        os.environ.setdefault(name, value)


def keep_files_private() -> None:
    """Make all files that this process and its children create readable only by their owner."""
    os.umask(OWNER_ONLY)


def stay_offline() -> None:
    """Keep this process and its children from downloading weights, even if the environment allows it.

    Call it before the libraries are imported.
    """
    os.environ.update(OFFLINE)
