"""Written answers in channels and direct messages; what comes in during a call waits, and is answered after it."""
