"""The call's side of the speech server: moods as speech parameters, fallback voices, and notices about voices."""
