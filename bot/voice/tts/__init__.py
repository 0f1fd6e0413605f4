"""Use of the speech server in calls: moods as speech parameters, fallbacks, and notices about voices."""
