"""Human languages: names, codes and scripts, and detection of a text's language."""
