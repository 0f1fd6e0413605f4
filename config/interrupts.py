"""Makes Ctrl-C silent while ``python -m`` still looks for the program's own module.

This module imports only modules that Python has loaded already.
"""

from __future__ import annotations

import sys
from types import TracebackType


def no_traceback_for_interrupts() -> None:
    """Make an uncaught ``KeyboardInterrupt`` end the process without a traceback, if Python was started with ``-m``.

    Call it first in a program's ``__init__.py``. With ``-m``, Python runs that file before the program's own module,
    and ``sys.argv`` does not have the program's name yet.
    """
    if sys.argv[:1] != ["-m"]:
        return
    previous_hook = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            previous_hook(kind, error, trace)

    sys.excepthook = tell
