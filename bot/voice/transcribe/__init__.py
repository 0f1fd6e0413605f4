"""A turn's sound to text."""
