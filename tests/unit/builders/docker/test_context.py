"""What is sent to an engine: never secrets, nothing that is ignored, the same bytes each time."""

from __future__ import annotations

import tarfile
from pathlib import Path

from faas_builders.docker.context import DOCKERFILE, Context, below, files_for, folder, packed


def paths(project: Path, dockerfile: str = "Dockerfile") -> list[str]:
    return [file.path for file in files_for(project / dockerfile, project)]


def make(root: Path, *files: str) -> Path:
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def test_a_dockerfile_sees_what_dockerignore_and_faasignore_leave_and_what_gitignore_does_not(tmp_path: Path) -> None:
    make(tmp_path, "Dockerfile", "main.py", "docs/a.md", "docs/keep.md", "dist/app.js", "data/big.bin", "notes.txt")
    (tmp_path / ".dockerignore").write_text("# comment\ndocs\n!docs/keep.md\n**/*.txt\n")
    (tmp_path / ".faasignore").write_text("data/\n")
    (tmp_path / ".gitignore").write_text("dist/\n")

    assert paths(tmp_path) == [".dockerignore", "Dockerfile", "dist/app.js", "docs/keep.md", "main.py"]


def test_secrets_and_version_control_are_never_sent_whatever_the_ignore_file_says(tmp_path: Path) -> None:
    make(tmp_path, "Dockerfile", ".env", ".git/config", ".venv/pyvenv.cfg", "sub/.netrc")
    (tmp_path / ".dockerignore").write_text("!.env\n!.git\n")

    assert paths(tmp_path) == [".dockerignore", "Dockerfile"]


def test_a_dockerfile_may_have_an_ignore_file_of_its_own(tmp_path: Path) -> None:
    make(tmp_path, "Dockerfile", "build/web.Dockerfile", "a.py", "b.py")
    (tmp_path / ".dockerignore").write_text("a.py\n")
    (tmp_path / "build/web.Dockerfile.dockerignore").write_text("b.py\n")

    assert "b.py" in paths(tmp_path)
    assert "a.py" not in paths(tmp_path)
    assert "a.py" in paths(tmp_path, "build/web.Dockerfile")
    assert "b.py" not in paths(tmp_path, "build/web.Dockerfile")


def test_the_archive_has_the_dockerfile_under_a_name_that_copies_leave_out(tmp_path: Path) -> None:
    make(tmp_path, "project/main.py", "project/.dockerignore", "made/lib.py")
    (tmp_path / "made/link").symlink_to("lib.py")
    files = below("app", files_for(tmp_path / "project/Dockerfile", tmp_path / "project"))
    files += (*files_for(tmp_path / "project/Dockerfile", tmp_path / "project"), *below("x", folder(tmp_path / "made")))

    with packed(Context("FROM base\n", files, (("pins.txt", "a==1"),))) as first:
        data = first.read()
        first.seek(0)
        with tarfile.open(fileobj=first) as tar:
            names = tar.getnames()
            assert tar.getmember("x/link").linkname == "lib.py"
            ignored = tar.extractfile(".dockerignore")
            assert ignored is not None
            assert ignored.read().decode().split() == [".dockerignore", DOCKERFILE]
    (tmp_path / "project/main.py").touch()
    with packed(Context("FROM base\n", files, (("pins.txt", "a==1"),))) as second:
        assert second.read() == data

    assert names.count(".dockerignore") == 1
    assert {DOCKERFILE, "pins.txt", "app/main.py", "main.py", "x/lib.py"} <= set(names)
