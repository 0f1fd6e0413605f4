"""Shows weights to libraries that look for them nowhere but in Hugging Face's cache."""

from __future__ import annotations

import os
from pathlib import Path

from bot.models.catalogue import Model


def show_in_hub_cache(folder: Path, model: Model) -> None:
    """Link the files of ``folder`` into the cache, as its own downloads lie there. Blocks; raises :class:`OSError`.

    A model without a repository has no place there.

    The links are relative, so that a folder which holds both may be moved, or mounted elsewhere.
    """
    if model.repository is None or model.revision is None:
        return
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    entry = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=model.repository, repo_type="model")
    for file in model.files:
        link = entry / "snapshots" / model.revision / file.path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath((folder / file.path).absolute(), link.parent.absolute()))
    reference = entry / "refs" / "main"
    reference.parent.mkdir(parents=True, exist_ok=True)
    reference.write_text(model.revision)


def place_in_hub_cache(model: Model) -> str | None:
    """Where the cache has the model's first file, as this or another program has downloaded it."""
    if model.repository is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(model.repository, model.files[0].path, revision=model.revision)
    return cached if isinstance(cached, str) else None
