"""Voice: the gateway version 8, UDP, end-to-end encryption, and guests' microphones and ears."""
