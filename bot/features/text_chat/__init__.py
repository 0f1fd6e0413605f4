"""Text chat: written answers in channels and direct messages. Messages during a call are answered after it."""
