"""Sound as numbers: sample rates, conversions, levels, files, Opus, espeak-ng. Imports no other package of ours."""
