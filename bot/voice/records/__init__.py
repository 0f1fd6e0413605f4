"""Records of a call: captions, recordings and voice samples, if people want them, and what was said."""
