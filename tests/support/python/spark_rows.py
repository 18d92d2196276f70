"""Reads the archive's files of one folder with Spark: its types, then its rows, as JSON lines."""

import json
import sys

from pyspark.sql import SparkSession

spark = (
    SparkSession.builder.master("local[2]")
    .appName("marquee-test")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.shuffle.partitions", "2")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
rows = spark.read.parquet(sys.argv[1])
print(json.dumps({f.name: f.dataType.simpleString() for f in rows.schema.fields}))
exact = rows.selectExpr(
    *[
        f"unix_micros({f.name}) AS {f.name}"
        if f.dataType.simpleString() == "timestamp"
        else f"string({f.name}) AS {f.name}"
        if f.dataType.simpleString() == "date"
        else f.name
        for f in rows.schema.fields
    ]
)
for row in exact.collect():
    print(json.dumps(row.asDict(recursive=True), ensure_ascii=False))
spark.stop()
