"""Thumbnails, as its README goes, with SeaweedFS as the store."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from PIL import Image

from faas.cli.dev.project_state import load_project, make_desired
from faas.cli.dev.rollout import bring_events, roll_out
from faas.project.manifests.podspec import Overrides
from faas.project.python.discover import describe
from tests.integration.engine.conftest import PATIENCE_S
from tests.integration.engine.whole import PYTHON, Whole, running
from tests.programs import Program, running_seaweedfs

THUMBNAILS = Path(__file__).parents[2] / "examples" / "thumbnails"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with running_seaweedfs(tmp_path_factory.mktemp("weed")) as store:
        yield store


def upload(store: Program, count: int) -> str:
    command = [sys.executable, str(THUMBNAILS / "upload.py"), str(count)]
    env = {**os.environ, "S3_ENDPOINT": f"http://{store.address}"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def bring(engine: Whole, endpoint: str) -> None:
    """Deploy it with our own Python, which has its dependencies: a test resolves nothing on the network."""
    variables = {"S3_ENDPOINT": endpoint}

    async def apply() -> None:
        read = load_project(THUMBNAILS, PYTHON, {})
        description = describe(read.settings.root, read.environment, variables={**os.environ, **variables})
        assert not description.errors, description.errors
        desired = make_desired(
            read, description, images=engine.state.images, namespace="default", overrides=Overrides(env=variables),
            variables=variables,
        )  # fmt: skip
        async with engine.client() as client:
            await roll_out(client, desired, namespace="default", timeout_s=PATIENCE_S)
            brought = await bring_events(client, desired, project=read.settings.name, namespace="default")
        assert brought.waiting == ()

    asyncio.run(apply())


def test_pictures_get_their_thumbnails_and_descriptions(tmp_path: Path, store: Program) -> None:
    with running(tmp_path) as engine:
        engine.kubectl(
            "create", "secret", "generic", "store", "--from-literal=accessKey=any", "--from-literal=secretKey=thing"
        )
        assert upload(store, 0) == "the buckets uploads and thumbnails are there\n"
        bring(engine, f"http://{store.address}")

        said = upload(store, 3)

    assert re.match(r"3 thumbnails in [\d.]+ s; the first: ", said), said
    described = json.loads(said.partition("the first: ")[2])
    assert described == {
        "format": "PNG", "width": 640, "height": 480, "bytes": described["bytes"], "thumbnail": [128, 96],
        "colour": "#005ac8",
    }  # fmt: skip
    assert [image.size for image in thumbnails(store)] == [(128, 96)] * 3


def thumbnails(store: Program) -> list[Image.Image]:
    client: Any = boto3.client(
        "s3", endpoint_url=f"http://{store.address}", region_name="us-east-1", aws_access_key_id="any",
        aws_secret_access_key="thing",
    )  # fmt: skip
    try:
        keys = [item["Key"] for item in client.list_objects_v2(Bucket="thumbnails")["Contents"]]
        bodies = [client.get_object(Bucket="thumbnails", Key=key)["Body"] for key in keys if key.endswith(".png.png")]
        return [Image.open(io.BytesIO(body.read())) for body in bodies]
    finally:
        client.close()
