"""Secrets and config maps as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from faas.engine.contract.revision import RevisionKey, SecretRef, VolumeMount
from faas.engine.instances.provisioning.mounts import MountedFiles
from faas.engine.instances.provisioning.references import MissingReference

KEY = RevisionKey("default", "hello-00001")
DB = SecretRef("Secret", "db", None)
LIMITS = SecretRef("ConfigMap", "limits", None)
VALUES = {DB: {"user": "ada", "password": "s3cret"}}
CHANGED = {DB: {"user": "ada", "password": "changed"}}
VOLUME = VolumeMount("/var/run/faas/secrets/db", (DB,))


def trees(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]


def test_secrets_and_config_are_files_where_the_environment_says(tmp_path: Path) -> None:
    volumes = (VOLUME, VolumeMount("/var/run/faas/config/limits", (LIMITS,)))

    env = MountedFiles(tmp_path / "v").write(KEY, volumes, {**VALUES, LIMITS: {"max": "7"}})

    assert Path(env["FAAS_SECRETS_DIR"], "db", "password").read_text() == "s3cret"
    assert Path(env["FAAS_CONFIG_DIR"], "limits", "max").read_text() == "7"
    assert Path(env["FAAS_SECRETS_DIR"], "db", "password").stat().st_mode & 0o777 == 0o400
    assert Path(env["FAAS_SECRETS_DIR"]).parent.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "v").stat().st_mode & 0o777 == 0o700


def test_only_the_items_that_are_named_come_and_under_their_own_paths(tmp_path: Path) -> None:
    volume = VolumeMount("/var/run/faas/secrets/db", (DB,), items=(("password", "deep/word"),))

    folder = Path(MountedFiles(tmp_path).write(KEY, (volume,), VALUES)["FAAS_SECRETS_DIR"], "db")

    assert [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()] == ["deep/word"]


def test_an_item_that_does_not_exist_is_named_unless_it_is_optional(tmp_path: Path) -> None:
    files = MountedFiles(tmp_path)
    with pytest.raises(MissingReference, match="secret 'db' has no key token"):
        files.write(KEY, (VolumeMount("/var/run/faas/secrets/db", (DB,), items=(("token", "t"),)),), VALUES)
    optional = SecretRef("Secret", "db", None, optional=True)
    volume = VolumeMount("/var/run/faas/secrets/db", (optional,), items=(("token", "t"),))
    env = files.write(KEY, (volume,), {optional: VALUES[DB]})
    assert not Path(env["FAAS_SECRETS_DIR"]).exists()


def test_bytes_that_are_no_text_stay_as_they_are(tmp_path: Path) -> None:
    data = {"key": b"\xff\x00".decode("utf-8", "surrogateescape")}
    env = MountedFiles(tmp_path).write(KEY, (VOLUME,), {DB: data})
    assert Path(env["FAAS_SECRETS_DIR"], "db", "key").read_bytes() == b"\xff\x00"


def test_the_same_content_has_the_same_environment(tmp_path: Path) -> None:
    files = MountedFiles(tmp_path)
    assert files.write(KEY, (VOLUME,), VALUES) == files.write(KEY, (VOLUME,), VALUES)
    assert len(trees(tmp_path)) == 1


def test_a_changed_secret_leaves_running_instances_what_they_have(tmp_path: Path) -> None:
    files = MountedFiles(tmp_path)
    before = files.write(KEY, (VOLUME,), VALUES)
    files.hold("pod-a", KEY)
    after = files.write(KEY, (VOLUME,), CHANGED)
    files.hold("pod-b", KEY)
    assert Path(before["FAAS_SECRETS_DIR"], "db", "password").read_text() == "s3cret"
    assert Path(after["FAAS_SECRETS_DIR"], "db", "password").read_text() == "changed"

    files.release("pod-a")

    assert not Path(before["FAAS_SECRETS_DIR"]).exists()
    assert Path(after["FAAS_SECRETS_DIR"]).exists()


def test_nothing_is_left_of_a_revision_that_is_gone(tmp_path: Path) -> None:
    files = MountedFiles(tmp_path)
    files.write(KEY, (VOLUME,), VALUES)
    files.hold("pod-a", KEY)
    files.forget(KEY)
    assert len(trees(tmp_path)) == 1  # the instance still drains
    files.release("pod-a")
    assert list(tmp_path.iterdir()) == []


def test_the_next_engine_keeps_what_adopted_instances_use_and_nothing_else(tmp_path: Path) -> None:
    files = MountedFiles(tmp_path)
    kept = files.write(KEY, (VOLUME,), VALUES)
    files.hold("pod-a", KEY)
    files.write(KEY, (VOLUME,), CHANGED)
    files.hold("pod-b", KEY)

    MountedFiles(tmp_path).adopt({"pod-a"})

    assert [tree.name for tree in trees(tmp_path)] == [Path(kept["FAAS_SECRETS_DIR"]).parent.name]


@pytest.mark.parametrize("path", ["/etc/db", "/var/run/faas/secrets/../x", "/var/run/faas-other", "/var/run/faas/x"])
def test_a_path_that_only_a_container_can_have_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(MissingReference, match="cannot have a volume"):
        MountedFiles(tmp_path).write(KEY, (VolumeMount(path, (DB,)),), VALUES)


def test_an_empty_directory_is_refused_with_what_to_use_instead(tmp_path: Path) -> None:
    with pytest.raises(MissingReference, match="tempfile"):
        MountedFiles(tmp_path).write(KEY, (VolumeMount("/cache", ()),), {})
