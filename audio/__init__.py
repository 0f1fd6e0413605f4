"""Sound: sample rates, conversions, levels, files, Opus, espeak-ng. It imports no other package of the project."""
