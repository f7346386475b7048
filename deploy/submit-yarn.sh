#!/bin/sh
# The Spark job on YARN. `python tools/pack_python.py build/dhishoom-python.tar.gz` packs Python with all it needs, so that
# executors need nothing before it.
#   deploy/submit-yarn.sh build/dhishoom-python.tar.gz /etc/dhishoom/dhishoom.toml
set -eu
packed="$1"
settings="$2"
here="$(dirname "$0")"

exec spark-submit \
    --master yarn \
    --deploy-mode cluster \
    --name dhishoom \
    --packages org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0 \
    --archives "$packed#python" \
    --files "$settings" \
    --conf spark.pyspark.python=./python/bin/python \
    --conf spark.pyspark.driver.python=./python/bin/python \
    --conf spark.yarn.appMasterEnv.PYSPARK_PYTHON=./python/bin/python \
    --conf spark.executor.instances="${EXECUTORS:-2}" \
    --conf spark.executor.cores=2 \
    --conf spark.executor.memory=2g \
    --conf spark.executor.memoryOverhead=2g \
    --conf spark.task.maxFailures=4 \
    --conf spark.hadoop.dfs.client.block.write.locateFollowingBlock.initial.delay.ms=10 \
    "$here/spark_job.py" --config "$(basename "$settings")"
