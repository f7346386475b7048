"""Real brokers, databases and file systems for tests and benchmarks: installed into a cache, started on free ports."""
