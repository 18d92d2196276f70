"""Runs a snippet that makes `events`, a DataFrame; then says its types and rows as JSON lines."""

import json
import sys
from pathlib import Path

names = {}
exec(compile(Path(sys.argv[1]).read_text(), sys.argv[1], "exec"), names)
events, spark = names["events"], names["spark"]
print("--")
types = {field.name: field.dataType.simpleString() for field in events.schema.fields}
print(json.dumps(types))


def exact(name, kind):
    """Times as microseconds, dates as text: what JSON can hold."""
    if kind == "timestamp":
        return f"unix_micros({name}) AS {name}"
    return f"string({name}) AS {name}" if kind == "date" else name


for row in events.selectExpr(*[exact(name, kind) for name, kind in types.items()]).collect():
    print(json.dumps(row.asDict(recursive=True), ensure_ascii=False))
spark.stop()
