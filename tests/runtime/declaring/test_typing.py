"""What a type checker sees: decorators keep signatures, calls know what they give."""

import subprocess
import sys
from pathlib import Path

SOURCE = """
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import assert_type
from faas import BucketObject, Context, Event, Outcome, Reply, function

@dataclass
class Order:
    id: int

@function
def bare(order: Order, currency: str = "EUR") -> Order:
    return order

@function("/x", methods=["GET"], min_scale=1, timeout="5m")
def called(n: int) -> str:
    return str(n)

@function.http("/y/{id}", concurrency=3)
@function.event(type="t", subject={"prefix": "eu/"}, retry=5, backoff="exponential")
async def stacked(id: int, event: Event[Order], ctx: Context) -> None:
    assert_type(event.data, Order)
    assert_type(await ctx.call("other", into=Order), Order)
    assert_type(ctx.call("other"), Outcome[Reply])
    assert_type(ctx.publish(Event("a")), Outcome[None])

assert_type(bare(Order(1), currency="USD"), Order)
assert_type(called(1), str)

def check(event: Event[Order], ctx: Context) -> Awaitable[None]:
    return stacked(1, event, ctx)

@function.on_start
def start() -> None: ...

@function.schedule("@daily", timezone="UTC", retry=3)
@function.mqtt("a/+", qos=1, share="g", ordered_by="subject", min_scale=1)
@function.bucket("uploads", on=("created", "removed"), suffix=(".a", ".b"), broker="b")
def sourced(image: BucketObject) -> str:
    assert_type(image.size, int | None)
    return image.key

assert_type(sourced(BucketObject(bucket="b", key="k", change="created")), str)

@function(volumes={"/data": "pvc:data"}, tolerations=[{"key": "gpu", "operator": "Exists"}], window="90s",
          resources={"limits": {"memory": "1Gi"}}, domains=["shop.example.org"], service_account="quoter")
@function.kubernetes("v1/Pod", service_account="watcher", retry=3)
def placed(event: Event[Order]) -> None: ...

bare("x")  # E: arg-type
function(volumes=["/data"])(called)  # E: call-overload
function(tolerations=[{"kye": "gpu"}])(called)  # E: typeddict-unknown-key
called()  # E: call-arg
function(min_scale="many")(called)  # E: call-overload
function(min_scal=1)  # E: call-overload
function.event(backoff="random")  # E: arg-type
function.mqtt("a", qos=3)  # E: arg-type
function.mqtt("a", qoss=1)  # E: call-arg
function.bucket("uploads", on="made")  # E: arg-type
function.schedule()  # E: call-arg
"""


def test_the_public_api_is_typed(tmp_path: Path) -> None:
    (tmp_path / "handlers.py").write_text(SOURCE)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--cache-dir",
            str(tmp_path / "cache"),
            "--no-error-summary",
            "handlers.py",
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    wanted = {
        number: line.rpartition("# E: ")[2] for number, line in enumerate(SOURCE.splitlines(), 1) if "# E: " in line
    }
    found = {
        int(line.split(":")[1]): line.rpartition("[")[2].rstrip("]")
        for line in done.stdout.splitlines()
        if ": error:" in line
    }
    assert found == wanted, done.stdout
