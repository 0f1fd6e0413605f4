"""Repeatable measurements. Each prints a table and can write JSON."""

import sys

from config.start import no_traceback_for_interrupts

# With ``-m``, Python runs this before the measurement's own module, so before that one imports anything.
if sys.argv[0] == "-m":
    no_traceback_for_interrupts()
