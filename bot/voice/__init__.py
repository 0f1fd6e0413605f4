"""Live calls: speech recognition, turn taking, conversation and speech, over any transport."""
