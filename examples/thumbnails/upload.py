"""Makes the two buckets, puts a picture into the first and waits for its thumbnail: `python upload.py [COUNT]`."""

from __future__ import annotations

import io
import os
import sys
import time

import boto3
from PIL import Image

store = boto3.client(
    "s3", endpoint_url=os.environ.get("S3_ENDPOINT", "http://127.0.0.1:8333"), region_name="us-east-1",
    aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", "any"),
    aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", "thing"),
)  # fmt: skip


def picture(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (640, 480), (40 * number % 256, 90, 200)).save(buffer, "PNG")
    return buffer.getvalue()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    known = {bucket["Name"] for bucket in store.list_buckets()["Buckets"]}
    for bucket in {"uploads", "thumbnails"} - known:
        store.create_bucket(Bucket=bucket)
    began = time.monotonic()
    keys = [f"img/{time.time_ns()}-{number}.png" for number in range(count)]
    for number, key in enumerate(keys):
        store.put_object(Bucket="uploads", Key=key, Body=picture(number))
    waiting = set(keys)
    while waiting and time.monotonic() - began < 120:
        listed = store.list_objects_v2(Bucket="thumbnails", Prefix="img/").get("Contents", [])
        waiting -= {item["Key"].removesuffix(".json") for item in listed if item["Key"].endswith(".json")}
        time.sleep(0.1)
    if waiting:
        raise SystemExit(f"{len(waiting)} of {count} have no thumbnail after 120 s. Is `thumbnail` deployed? faas list")
    description = store.get_object(Bucket="thumbnails", Key=f"{keys[0]}.json")["Body"].read().decode()
    print(f"{count} thumbnails in {time.monotonic() - began:.1f} s; the first: {description}")


if __name__ == "__main__":
    main()
