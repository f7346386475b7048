"""The listening fold inside Spark Structured Streaming: the only room that knows pyspark (extra `spark`)."""
