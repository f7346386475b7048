"""Where recordings come from: AudioSet's lists, chosen and fetched, and the public sets; no torch."""
