"""The speech server: text in, audio out, over one WebSocket."""

from config.interrupts import no_traceback_for_interrupts

no_traceback_for_interrupts()

from config.privacy import keep_private  # noqa: E402

# This is done here, because Python runs this file before every other module of the server, and before any library.
keep_private()
