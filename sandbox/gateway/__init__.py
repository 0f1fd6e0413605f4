"""Discord's gateway, version 10: sends events to bots over WebSockets."""
