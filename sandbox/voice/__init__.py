"""Voice: gateway version 8, UDP, end-to-end encryption, and the microphones and audio receivers of simulated users."""
