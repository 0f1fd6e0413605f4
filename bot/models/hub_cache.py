"""Shows weights to libraries that look for them nowhere but in Hugging Face's cache."""

from __future__ import annotations

import os
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.file_download import repo_folder_name

from bot.models.catalogue import Model


def show_in_hub_cache(folder: Path, model: Model) -> None:
    """Link the files of ``folder`` into the cache, as its own downloads lie there. Blocks; raises :class:`OSError`.

    The links are relative, so that a folder which holds both may be moved, or mounted elsewhere.
    """
    entry = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=model.repository, repo_type="model")
    for file in model.files:
        link = entry / "snapshots" / model.revision / file.path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath((folder / file.path).absolute(), link.parent.absolute()))
    reference = entry / "refs" / "main"
    reference.parent.mkdir(parents=True, exist_ok=True)
    reference.write_text(model.revision)
