"""What competes with a call. Each feature is a module of its own, knows nothing of voice, and nothing of the others."""
