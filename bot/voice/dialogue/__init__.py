"""From prompts to replies: who is answered, who waits, who interrupts, and the life of one reply."""
