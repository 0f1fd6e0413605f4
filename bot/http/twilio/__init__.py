"""Phone calls over Twilio: its signed webhooks, and the WebSocket of Media Streams."""
