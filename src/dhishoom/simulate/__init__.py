"""Cities, blasts and confusables with known truth."""
