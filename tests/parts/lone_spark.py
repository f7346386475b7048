"""Run as a process of its own: Spark listening to a city of bangs, to be killed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dhishoom.spark.assembly import job_of
from dhishoom.spark.session import open_session
from tests.parts.spark_city import spark_settings

if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    folder = Path(given["folder"])
    settings = spark_settings(given["servers"], given["prefix"], folder, messages_max=6, trigger_s=0.1)
    local = {"spark.local.dir": str(folder / "scratch")}
    job = job_of(
        settings, open_session("local[2,4]", given["jars"], local), tell=lambda told: print(told.batch, flush=True)
    )
    job.start()
    job.wait()
