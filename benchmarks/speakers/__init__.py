"""Natural voices for the guests of benchmarks and demonstration: those of Kokoro (Apache-2.0)."""
