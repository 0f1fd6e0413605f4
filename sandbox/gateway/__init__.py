"""The gateway, version 10: the world's events to bots over WebSockets."""
