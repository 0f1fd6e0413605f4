"""Discord as a call's transport: connection, packets, people and text; the only place of a call that knows Discord."""
