"""Logs errors that nobody catches, in the format of all other lines. By itself, Python would print them."""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType

_log = logging.getLogger(__name__)


def log_uncaught_errors() -> None:
    """Log an error that ends the program or a thread, and one that a destructor raises."""
    earlier = sys.excepthook

    def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            earlier(kind, error, trace)
        else:
            _log.critical("The program ends because of an error", exc_info=(kind, error, trace))

    def uncaught_in_thread(failed: threading.ExceptHookArgs) -> None:
        if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
            name = failed.thread.name if failed.thread is not None else "?"
            info = (failed.exc_type, failed.exc_value, failed.exc_traceback)
            _log.error("The thread %r ends because of an error", name, exc_info=info)

    def unraisable(failed: sys.UnraisableHookArgs) -> None:
        error = failed.exc_value
        info = None if error is None else (type(error), error, failed.exc_traceback)
        _log.error("%s: %r", failed.err_msg or "An error was ignored", failed.object, exc_info=info)

    sys.excepthook, threading.excepthook, sys.unraisablehook = uncaught, uncaught_in_thread, unraisable
