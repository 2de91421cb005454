"""Layers: the same bytes for the same content, and nothing outside their folder."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import tempfile
from pathlib import Path

import pytest
from faas_builders.errors import ProjectFileError
from faas_builders.files import ProjectFile, project_files
from faas_builders.oci.layers.extracting import extract_layer
from faas_builders.oci.layers.layer import Written, write_layer
from hypothesis import given, settings
from hypothesis import strategies as st


def layer(files: list[ProjectFile], prefix: str = "app") -> tuple[bytes, Written]:
    out = io.BytesIO()
    written = write_layer(files, prefix, out, epoch=0)
    return out.getvalue(), written


def test_the_same_files_give_the_same_bytes_whatever_their_times_and_order(tmp_path: Path) -> None:
    for name in ("b.py", "a.py", "pkg/c.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    first, _ = layer(project_files(tmp_path))
    for path in tmp_path.rglob("*.py"):
        os.utime(path, (1_700_000_000, 1_700_000_000))

    second, _ = layer(list(reversed(project_files(tmp_path))))

    assert first == second


def test_entries_are_sorted_owned_by_root_and_without_a_time(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o700)
    (tmp_path / "main.py").write_text("")
    data, _ = layer(project_files(tmp_path))

    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        entries = [(m.name, oct(m.mode), m.uid, m.gid, m.uname, m.mtime) for m in tar]

    assert entries == [
        ("app", "0o755", 0, 0, "", 0),
        ("app/main.py", "0o644", 0, 0, "", 0),
        ("app/run.sh", "0o755", 0, 0, "", 0),
    ]


def test_digest_and_diff_id_are_those_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("x = 1\n")

    data, written = layer(project_files(tmp_path))

    assert written.digest == "sha256:" + hashlib.sha256(data).hexdigest()
    assert written.diff_id == "sha256:" + hashlib.sha256(gzip.decompress(data)).hexdigest()
    assert written.size_bytes == len(data)


NAMES = st.text("abc", min_size=1, max_size=3)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: f"{'/'.join(parts)}.py")


@settings(max_examples=25, deadline=None)  # each writes a folder to disk twice
@given(st.dictionaries(PATHS, st.binary(max_size=50), max_size=8))
def test_what_is_packed_is_what_is_unpacked(contents: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "in"
        for name, content in contents.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
        root.mkdir(exist_ok=True)
        data, _ = layer(project_files(root))
        archive = Path(folder) / "layer.tar.gz"
        archive.write_bytes(data)
        out = Path(folder) / "out"
        out.mkdir()

        extract_layer(archive, out)

        found = {str(p.relative_to(out / "app")): p.read_bytes() for p in out.rglob("*.py")}
    assert found == contents


@pytest.mark.parametrize("now", ["link", "pipe"])
def test_a_file_that_is_something_else_by_now_is_named(tmp_path: Path, now: str) -> None:
    (tmp_path / "main.py").write_text("")
    files = project_files(tmp_path)
    (tmp_path / "main.py").unlink()
    if now == "link":
        (tmp_path / "main.py").symlink_to("/etc/passwd")
    else:
        os.mkfifo(tmp_path / "main.py")

    with pytest.raises(ProjectFileError, match=r"main\.py: this file cannot be read"):
        layer(files)
