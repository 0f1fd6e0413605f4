"""Replies in, audio out: who speaks next, with which voice, over a WebSocket or for one request."""
