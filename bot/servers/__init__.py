"""Several servers that stand in for each other: which of them is asked, and the probes that tell which ones answer."""
