"""``python -m bot backup`` and ``restore``: one file with everything that Seiyuu has kept and could not make again."""
