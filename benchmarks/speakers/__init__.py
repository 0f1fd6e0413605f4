"""Natural voices for the guests of benchmarks and of the demonstration: Kokoro's, Apache-2.0."""
