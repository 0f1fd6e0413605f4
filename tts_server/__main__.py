"""``python -m tts_server``: the command line; see :mod:`tts_server.command_line`."""

from __future__ import annotations

import sys

from config.start import quiet_interrupts


def main() -> int:
    """Run the command line; returns the exit status."""
    try:
        with quiet_interrupts():
            from tts_server.command_line import run
        return run()
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
