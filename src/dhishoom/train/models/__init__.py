"""Models of the learning system that embeds sound, then judges sequences of embeddings; importing needs no torch."""
