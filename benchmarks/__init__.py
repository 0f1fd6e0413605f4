"""Repeatable measurements; each prints a table and can write JSON."""

import sys

from config.start import no_traceback_for_interrupts

# So it is called while Python looks for the measurement that it is to run, before that one imports anything.
if sys.argv[0] == "-m":
    no_traceback_for_interrupts()
