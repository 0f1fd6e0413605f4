"""Turn detection: finds where the turns of one person begin, pause, go on and end in their sound."""
