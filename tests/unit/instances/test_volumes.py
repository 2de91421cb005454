"""What volumes become: files of a container, and a Pod's description."""

from __future__ import annotations

import pytest

from faas.engine.contract.revision import ContainerPlan, RevisionKey, RevisionPlan, SecretRef, VolumeMount
from faas.engine.instances.driver import File, Mount
from faas.engine.instances.provisioning.references import MissingReference
from faas.engine.instances.provisioning.volumes import describe_volumes, make_mounts

DB, LIMITS = SecretRef("Secret", "db", None), SecretRef("ConfigMap", "limits", None)
VALUES = {DB: {"user": "me", "password": "p\udcff"}, LIMITS: {"max": "7"}}


def test_each_key_is_a_file_with_its_mode_and_its_bytes() -> None:
    volume = VolumeMount("/db", (DB,), volume="db", mode=0o400, modes=(("user", 0o444),), sub_path="user")
    assert make_mounts(ContainerPlan("i", volumes=(volume,)), VALUES) == (
        Mount("/db", "db", (File("user", b"me", 0o444), File("password", b"p\xff", 0o400)), sub_path="user"),
    )


def test_the_parts_of_a_projected_volume_come_together_at_their_path() -> None:
    parts = (VolumeMount("/v", (DB,), (("user", "a/user"),), volume="v"), VolumeMount("/v", (LIMITS,), volume="v"))
    (mount,) = make_mounts(ContainerPlan("i", volumes=parts), VALUES)
    assert mount.files == (File("a/user", b"me"), File("max", b"7"))


def test_an_empty_directory_has_no_files() -> None:
    volume = VolumeMount("/tmp/c", (), volume="cache", read_only=False, in_memory=True, size_limit_bytes=1024)
    assert make_mounts(ContainerPlan("i", volumes=(volume,)), {}) == (
        Mount("/tmp/c", "cache", None, read_only=False, in_memory=True, size_limit_bytes=1024),
    )


def test_a_key_that_does_not_exist_is_named() -> None:
    volume = VolumeMount("/db", (DB,), (("token", "token"),))
    with pytest.raises(MissingReference, match="secret 'db' has no key token"):
        make_mounts(ContainerPlan("i", volumes=(volume,)), VALUES)


def test_a_pod_describes_each_volume_once() -> None:
    cache = VolumeMount("/a", (), volume="cache", read_only=False, in_memory=True, size_limit_bytes=1024)
    server = ContainerPlan(
        "i", volumes=(cache, VolumeMount("/db", (DB,), (("user", "u"),), volume="db", modes=(("u", 0o400),)))
    )
    parts = (VolumeMount("/v", (DB,), volume="both"), VolumeMount("/v", (LIMITS,), volume="both"))
    side = ContainerPlan(
        "s", "side", volumes=(VolumeMount("/b", (), volume="cache", in_memory=True, size_limit_bytes=1024), *parts)
    )
    plan = RevisionPlan(RevisionKey("default", "a-00001"), "u", "a", "a", server, (side,))
    assert describe_volumes(plan) == [
        {"name": "cache", "emptyDir": {"medium": "Memory", "sizeLimit": "1024"}},
        {
            "name": "db",
            "secret": {"secretName": "db", "items": [{"key": "user", "path": "u", "mode": 0o400}], "defaultMode": 420},
        },
        {
            "name": "both",
            "projected": {
                "sources": [{"secret": {"name": "db"}}, {"configMap": {"name": "limits"}}],
                "defaultMode": 420,
            },
        },
    ]
