"""The Discord bot."""

from config.privacy import keep_private

# Python runs this module before all other modules of the bot. So telemetry is off before any library is imported.
keep_private()
