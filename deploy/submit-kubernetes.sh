#!/bin/sh
# The Spark job on Kubernetes. The image holds everything, so executors need nothing before it.
#   deploy/submit-kubernetes.sh https://kubernetes.example:6443 registry.example/dhishoom-spark
set -eu
api="$1"
image="$2"

exec spark-submit \
    --master "k8s://$api" \
    --deploy-mode cluster \
    --name dhishoom \
    --conf spark.kubernetes.container.image="$image" \
    --conf spark.kubernetes.authenticate.driver.serviceAccountName=spark \
    --conf spark.kubernetes.driver.volumes.configMap.settings.mount.path=/etc/dhishoom \
    --conf spark.kubernetes.driver.volumes.configMap.settings.options.name=dhishoom \
    --conf spark.driver.extraClassPath=/opt/dhishoom/jars/* \
    --conf spark.executor.instances="${EXECUTORS:-2}" \
    --conf spark.executor.cores=2 \
    --conf spark.executor.memory=2g \
    --conf spark.executor.memoryOverhead=2g \
    --conf spark.task.maxFailures=4 \
    local:///opt/dhishoom/spark_job.py --config /etc/dhishoom/dhishoom.toml
