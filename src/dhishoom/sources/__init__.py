"""Sources of sound, one file a kind."""
