"""The Discord bot."""

from config.interrupts import no_traceback_for_interrupts

no_traceback_for_interrupts()

from config.privacy import keep_private  # noqa: E402

# Python runs this module before all other modules of the bot. So telemetry is off before any library is imported.
keep_private()
