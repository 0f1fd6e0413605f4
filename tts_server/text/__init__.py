"""What is said, from what was written: cut into segments while it is written, and prepared for the ear."""
