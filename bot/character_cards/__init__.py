"""Character cards of other programs: read, and written as personas."""
