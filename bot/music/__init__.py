"""Music in calls: finding it, decoding it in a process of its own, and playing one piece after another."""
