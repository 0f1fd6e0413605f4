"""The entry point of ``python -m sandbox``; see :mod:`sandbox.command_line`."""

from __future__ import annotations

import sys

from config.start import quiet_interrupts


def main() -> int:
    """Run the command line and return the exit status."""
    try:
        with quiet_interrupts():
            from sandbox.command_line import run
        return run(sys.argv[1:])
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
