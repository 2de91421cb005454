"""Puts pictures into a bucket and waits for their thumbnails: `python upload.py [COUNT]`; 0 only makes the buckets."""

from __future__ import annotations

import io
import os
import sys
import time
from contextlib import suppress

import boto3
from PIL import Image

PATIENCE_S = 120.0
store = boto3.client(
    "s3", endpoint_url=os.environ.get("S3_ENDPOINT", "http://127.0.0.1:8333"), region_name="us-east-1",
    aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", "any"),
    aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", "thing"),
)  # fmt: skip


def picture(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (640, 480), (40 * number % 256, 90, 200)).save(buffer, "PNG")
    return buffer.getvalue()


def make_buckets() -> None:
    for bucket in ("uploads", "thumbnails"):
        with suppress(store.exceptions.BucketAlreadyOwnedByYou):
            store.create_bucket(Bucket=bucket)


def described() -> set[str]:
    """The pictures whose description is there: it is written after the thumbnail."""
    pages = store.get_paginator("list_objects_v2").paginate(Bucket="thumbnails", Prefix="img/")
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    return {key.removesuffix(".json") for key in keys if key.endswith(".json")}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    make_buckets()
    if not count:
        print("the buckets uploads and thumbnails are there")
        return
    began = time.monotonic()
    keys = [f"img/{time.time_ns()}-{number}.png" for number in range(count)]
    for number, key in enumerate(keys):
        store.put_object(Bucket="uploads", Key=key, Body=picture(number))
    while waiting := set(keys) - described():
        if time.monotonic() - began > PATIENCE_S:
            raise SystemExit(
                f"{len(waiting)} of {count} have no thumbnail after {PATIENCE_S:g} s. Look at:  faas source list"
            )
        time.sleep(0.1)
    description = store.get_object(Bucket="thumbnails", Key=f"{keys[0]}.json")["Body"].read().decode()
    print(f"{count} thumbnails in {time.monotonic() - began:.1f} s; the first: {description}")


if __name__ == "__main__":
    main()
