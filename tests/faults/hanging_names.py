"""The bot on a machine whose name server never answers for some names: ``python -m tests.faults.hanging_names``."""

from __future__ import annotations

import socket
import sys
import threading
from typing import Any
from unittest.mock import patch

from bot.__main__ import main

HANGING = "hangs.test"
"""Names that end with this are looked up for ever. The system's own limit is 10 to 30 seconds."""
_LOOK_UP = socket.getaddrinfo


def _look_up(host: Any, *arguments: Any, **options: Any) -> Any:
    if str(host).endswith(HANGING):
        threading.Event().wait()
    return _LOOK_UP(host, *arguments, **options)


if __name__ == "__main__":
    with patch.object(socket, "getaddrinfo", _look_up):
        sys.exit(main())
