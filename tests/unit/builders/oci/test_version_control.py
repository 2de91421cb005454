"""What an image says of its sources: the commit of the folder when all is committed, an address without passwords."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from faas_builders.oci.attestations.version_control import REVISION, SOURCE, describe_sources, public_address

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *identity, "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """With a project in `shop` and something else beside it."""
    folder = tmp_path / "repository"
    (folder / "shop").mkdir(parents=True)
    (folder / "shop/main.py").write_text("one = 1\n")
    git(folder, "init", "-q")
    git(folder, "remote", "add", "origin", "https://ada:secret@example.com/acme/shop.git")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "One")
    return folder


@needs_git
def test_what_is_committed_is_named_by_its_commit_and_its_repository(repository: Path) -> None:
    assert describe_sources(repository / "shop") == {
        REVISION: git(repository, "rev-parse", "HEAD"),
        SOURCE: "https://example.com/acme/shop.git",
    }


@needs_git
def test_work_elsewhere_in_the_repository_changes_nothing(repository: Path) -> None:
    before = describe_sources(repository / "shop")
    (repository / "README").write_text("two")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "Two")
    (repository / "scratch").write_text("not committed")

    assert describe_sources(repository / "shop") == before


@needs_git
@pytest.mark.parametrize("change", ["main.py", "new.py"])
def test_what_is_not_committed_has_no_commit(repository: Path, change: str) -> None:
    (repository / "shop" / change).write_text("two = 2\n")

    assert describe_sources(repository / "shop") == {}


@needs_git
def test_a_repository_without_a_commit_says_nothing(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")

    assert describe_sources(tmp_path) == {}


def test_a_folder_without_a_repository_says_nothing(tmp_path: Path) -> None:
    assert describe_sources(tmp_path) == {}


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/acme/shop", "https://github.com/acme/shop"),
        ("https://oauth2:token@gitlab.com/acme/shop.git", "https://gitlab.com/acme/shop.git"),
        ("https://token@example.com:8443/shop.git", "https://example.com:8443/shop.git"),
        ("ssh://git:secret@example.com/shop.git", "ssh://git@example.com/shop.git"),
        ("git@github.com:acme/shop.git", "git@github.com:acme/shop.git"),
        ("/home/ada/shop", ""),
        ("../shop.git", ""),
        ("file:///home/ada/shop", ""),
        ("", ""),
    ],
)
def test_an_address_has_no_password_and_is_no_folder_of_this_machine(remote: str, address: str) -> None:
    assert public_address(remote) == address
