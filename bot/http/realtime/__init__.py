"""``WS /v1/realtime``: OpenAI's Realtime protocol. A connection is a call, like one on the page."""
