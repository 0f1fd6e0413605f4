"""One person's sound to turns: when they speak, when they have finished. Arrays in, events out."""
