"""The speech server: text in, audio out, over one WebSocket."""

from config.privacy import keep_private

# Here, because Python runs this before every module of the server, and so before any library is imported.
keep_private()
