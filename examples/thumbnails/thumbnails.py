"""An image is put into a bucket; a thumbnail and a description of it are written to another one."""

from __future__ import annotations

import io
import json
import os
from functools import cache
from typing import Any

import boto3
from PIL import Image

from faas import BucketObject, Context, function

SIZE = (128, 128)
ENDPOINT = os.environ.get("S3_ENDPOINT", "http://127.0.0.1:8333")


# Pictures are work for the processor: two at once in an instance, and as many instances as the queue asks for, up to 4.
@function.bucket(
    "uploads", prefix="img/", suffix=(".jpg", ".png"), endpoint=ENDPOINT, interval="1s", retry=3,
    secret="store", secrets=["store"],  # the first for the source, the second for ctx.secrets
    concurrency=2, max_scale=4,
)  # fmt: skip
def thumbnail(upload: BucketObject, ctx: Context) -> None:
    store = _store(ctx.secrets["store"]["accessKey"], ctx.secrets["store"]["secretKey"])
    original = store.get_object(Bucket=upload.bucket, Key=upload.key)["Body"].read()
    image = Image.open(io.BytesIO(original))
    small = image.copy()
    small.thumbnail(SIZE)
    described = describe(image, small, len(original))
    store.put_object(Bucket="thumbnails", Key=f"{upload.key}.png", Body=_png(small), ContentType="image/png")
    store.put_object(Bucket="thumbnails", Key=f"{upload.key}.json", Body=json.dumps(described).encode())
    ctx.log.info(f"thumbnail of {upload.key}", **described)


def describe(image: Image.Image, small: Image.Image, size: int) -> dict[str, Any]:
    """What can be said of a picture without looking at it: format, sizes, its mean colour."""
    red, green, blue = small.convert("RGB").resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
    return {
        "format": image.format, "width": image.width, "height": image.height, "bytes": size,
        "thumbnail": list(small.size), "colour": f"#{red:02x}{green:02x}{blue:02x}",
    }  # fmt: skip


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@cache
def _store(access_key: str, secret_key: str) -> Any:
    return boto3.client("s3", endpoint_url=ENDPOINT, region_name="us-east-1",
                        aws_access_key_id=access_key, aws_secret_access_key=secret_key)  # fmt: skip
