"""Recording remaker: speaks the answers in recordings again with a better voice, between calls."""
