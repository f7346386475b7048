"""The mathematics: two pure folds and what they are made of. No clock, no input or output, no randomness."""
