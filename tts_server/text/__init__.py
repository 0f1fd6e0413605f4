"""Text for speech: cuts a reply into segments while it is being written, and turns each segment into spoken words."""
