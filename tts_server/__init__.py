"""The speech server: text in, audio out, over one WebSocket."""

from config.privacy import keep_private

# This is done here, because Python runs this file before every other module of the server, and before any library.
keep_private()
