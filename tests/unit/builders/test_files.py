"""Which files of a project get into its image."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from faas_builders.errors import ProjectFileError
from faas_builders.files import content_hash, project_files


def write(root: Path, *paths: str, text: str = "x") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def names(root: Path) -> list[str]:
    return [file.path for file in project_files(root)]


def test_sources_and_data_are_shipped_sorted(tmp_path: Path) -> None:
    write(tmp_path, "main.py", "data/page.html", "data/a.json", "pyproject.toml")

    assert names(tmp_path) == ["data/a.json", "data/page.html", "main.py", "pyproject.toml"]


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".env",
        ".env.production",
        "config/.env",
        ".netrc",
        ".aws/credentials",
        ".docker/config.json",
        ".git-credentials",
        "deploy/.kube/config",
        "deploy/kubeconfig",
        "store.p12",
        ".ssh/config",
        "deploy/id_ed25519",
        "__pycache__/main.cpython-311.pyc",
        "pkg/old.pyc",
        ".venv/lib/x.py",
        "node_modules/x/index.js",
        ".mypy_cache/x",
        "shop.egg-info/PKG-INFO",
        ".gitignore",
    ],
)
def test_secrets_caches_and_version_control_are_never_shipped(tmp_path: Path, path: str) -> None:
    write(tmp_path, "main.py", path)
    write(tmp_path, ".faasignore", text=f"!{path}\n")

    assert names(tmp_path) == ["main.py"]


def test_a_private_key_is_left_out_and_a_certificate_is_not(tmp_path: Path) -> None:
    write(tmp_path, "main.py")
    write(tmp_path, "ca.pem", "public.key", text="-----BEGIN CERTIFICATE-----\nMII\n")
    write(tmp_path, "tls/server.KEY", "both.pem", text="-----BEGIN CERTIFICATE-----\n-----BEGIN RSA PRIVATE KEY-----\n")

    assert names(tmp_path) == ["ca.pem", "main.py", "public.key"]


def test_an_ignore_file_may_name_what_is_not_utf8(tmp_path: Path) -> None:
    write(tmp_path, "main.py", "b.txt")
    (tmp_path / os.fsdecode(b"w\xff.txt")).write_text("not")
    (tmp_path / ".gitignore").write_bytes(b"w\xff.txt\n")
    (tmp_path / "docs/.gitignore").mkdir(parents=True)  # git ignores that, too

    assert names(tmp_path) == ["b.txt", "main.py"]


def test_an_ignore_file_that_says_nothing_is_named(tmp_path: Path) -> None:
    write(tmp_path, "main.py")
    write(tmp_path, ".faasignore", text="docs\n!\n")

    with pytest.raises(ProjectFileError, match=r"\.faasignore: not a list of patterns"):
        project_files(tmp_path)


def test_a_virtual_environment_by_any_name_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "main.py", "myenv/pyvenv.cfg", "myenv/lib/python3.11/site-packages/x.py")

    assert names(tmp_path) == ["main.py"]


def test_gitignore_counts_and_faasignore_has_the_last_word(tmp_path: Path) -> None:
    write(tmp_path, "main.py", "model.bin", "notes.txt", "docs/a.md")
    write(tmp_path, ".gitignore", text="*.bin\n*.txt\n")
    write(tmp_path, ".faasignore", text="!model.bin\ndocs/\n")

    assert names(tmp_path) == ["main.py", "model.bin"]


def test_a_deeper_ignore_file_wins_over_a_shallower_one(tmp_path: Path) -> None:
    write(tmp_path, "a.log", "kept/b.log")
    write(tmp_path, ".gitignore", text="*.log\n")
    write(tmp_path, "kept/.gitignore", text="!b.log\n")

    assert names(tmp_path) == ["kept/b.log"]


def test_ignore_files_of_the_repository_above_count(tmp_path: Path) -> None:
    write(tmp_path, ".git/HEAD", "services/shop/main.py", "services/shop/big.bin")
    write(tmp_path, ".gitignore", text="services/*/big.bin\n")

    assert names(tmp_path / "services/shop") == ["main.py"]


def test_a_link_inside_the_project_stays_a_link(tmp_path: Path) -> None:
    write(tmp_path, "real.py")
    (tmp_path / "alias.py").symlink_to("real.py")

    alias = project_files(tmp_path)[0]

    assert (alias.path, alias.link) == ("alias.py", "real.py")


@pytest.mark.parametrize("target", ["../outside.txt", "/etc/hostname"], ids=["relative", "absolute"])
def test_a_link_that_leaves_the_project_is_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "outside.txt").write_text("secret")
    root = tmp_path / "shop"
    write(root, "main.py")
    (root / "link").symlink_to(target)

    with pytest.raises(ProjectFileError, match="leaves the project"):
        project_files(root)


def test_a_link_to_a_folder_that_only_starts_with_the_same_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop-secrets").mkdir()
    root = tmp_path / "shop"
    write(root, "main.py")
    (root / "link").symlink_to("../shop-secrets")

    with pytest.raises(ProjectFileError):
        project_files(root)


def test_the_content_hash_follows_contents_names_and_modes_only(tmp_path: Path) -> None:
    write(tmp_path, "main.py")
    before = content_hash(project_files(tmp_path))

    os.utime(tmp_path / "main.py", (1, 1))
    assert content_hash(project_files(tmp_path)) == before

    (tmp_path / "main.py").chmod(0o755)
    executable = content_hash(project_files(tmp_path))
    (tmp_path / "main.py").rename(tmp_path / "other.py")
    assert len({before, executable, content_hash(project_files(tmp_path))}) == 3


def test_a_name_that_is_not_utf8_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "ä b\n.txt").write_text("fine")
    (tmp_path / os.fsdecode(b"w\xff.txt")).write_text("not")

    with pytest.raises(ProjectFileError, match=r"w\\xff\.txt: this name is not UTF-8"):
        project_files(tmp_path)
