"""Repeatable measurements. Each prints a table and can write JSON."""

from config.interrupts import no_traceback_for_interrupts

no_traceback_for_interrupts()
