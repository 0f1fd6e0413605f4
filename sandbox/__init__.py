"""A local Discord for testing voice bots: REST API, gateway, voice gateway, UDP and end-to-end encryption."""

from config.interrupts import no_traceback_for_interrupts

no_traceback_for_interrupts()
