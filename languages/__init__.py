"""Languages of people: their names and codes, their scripts, and which one a text is in."""
