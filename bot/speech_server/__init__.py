"""The client of the speech server."""
