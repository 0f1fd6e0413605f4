"""The speech server's HTTP API and its WebSocket."""
