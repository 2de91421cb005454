"""Unpacking layers that may have been made to do harm."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest
from faas_builders.errors import ArchiveError
from faas_builders.oci.layers.extracting import extract_layer
from faas_builders.oci.layers.limits import Budget

from tests.images import member

CONTENT = {"file": b"x"}
LINK, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def layer_of(tmp_path: Path, *members: tarfile.TarInfo, kind: int = tarfile.PAX_FORMAT) -> Path:
    path = tmp_path / "layer.tar.gz"
    with tarfile.open(path, "w:gz", format=kind) as tar:
        for one in members:
            tar.addfile(one, io.BytesIO(b"x" * one.size))
    return path


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([member("../outside")], id="parent"),
        pytest.param([member("a/../../outside")], id="parent-inside"),
        pytest.param([member("/etc/outside")], id="absolute"),
        pytest.param([member("link", LINK, "../../etc")], id="link-out"),
        pytest.param([member("link", LINK, "/etc/passwd")], id="absolute-link"),
        pytest.param([member("device", tarfile.CHRTYPE)], id="device"),
        pytest.param([member("disk", tarfile.BLKTYPE)], id="block-device"),
        pytest.param([member("pipe", tarfile.FIFOTYPE)], id="fifo"),
        pytest.param([member("hard", HARD, "/etc/passwd")], id="hard-link-absolute"),
        pytest.param([member("hard", HARD, "../outside")], id="hard-link-out"),
        pytest.param([member("hard", HARD, "nothing")], id="hard-link-to-nothing"),
        pytest.param(
            [member("a", tarfile.DIRTYPE), member("a/up", LINK, ".."), member("hard", HARD, "a/up")],
            id="hard-link-to-a-link",
        ),
        pytest.param([member("a", size=1), member("a/b", size=1)], id="below-a-file"),
        pytest.param([member("a", tarfile.DIRTYPE), member("a", size=1)], id="folder-then-file"),
        pytest.param([member("loop", LINK, "loop"), member("loop/a", size=1)], id="link-loop"),
        pytest.param([member("n" * 300, size=1)], id="name-too-long"),
        pytest.param([member("d/" * 3000 + "f", size=1)], id="path-too-long"),
    ],
)
def test_what_leaves_the_folder_or_cannot_be_there_is_refused(
    tmp_path: Path, out: Path, entries: list[tarfile.TarInfo]
) -> None:
    with pytest.raises(ArchiveError) as error:
        extract_layer(layer_of(tmp_path, *entries), out)

    assert not (tmp_path / "outside").exists()
    assert len(str(error.value)) < 600


def test_a_file_behind_a_link_that_leads_out_is_refused(tmp_path: Path, out: Path) -> None:
    (out / "way").symlink_to(tmp_path)

    with pytest.raises(ArchiveError, match="leads out"):
        extract_layer(layer_of(tmp_path, member("way/outside")), out)

    assert not (tmp_path / "outside").exists()


def test_a_file_written_over_a_link_replaces_the_link(tmp_path: Path, out: Path) -> None:
    entries = [member("real", size=3), member("name", LINK, "real"), member("name", size=1)]

    extract_layer(layer_of(tmp_path, *entries), out)

    assert ((out / "real").read_bytes(), (out / "name").read_bytes()) == (b"xxx", b"x")
    assert not (out / "name").is_symlink()


def test_a_file_written_over_a_hard_link_leaves_the_other_name_alone(tmp_path: Path, out: Path) -> None:
    entries = [member("one", size=3), member("two", HARD, "one"), member("one", size=1)]

    extract_layer(layer_of(tmp_path, *entries), out)

    assert ((out / "one").read_bytes(), (out / "two").read_bytes()) == (b"x", b"xxx")


def test_what_is_unpacked_has_its_content_mode_and_links(tmp_path: Path, out: Path) -> None:
    script, link, hard = member("./bin/run", size=3), member("run", LINK, "bin/run"), member("too", HARD, "bin/run")
    script.mode, script.mtime = 0o4777, 7

    extract_layer(layer_of(tmp_path, member("./", tarfile.DIRTYPE), script, link, hard), out)

    status = (out / "run").stat()
    assert (out / "run").readlink() == Path("bin/run")
    assert (out / "run").read_bytes() == b"xxx"
    assert (status.st_mode & 0o7777, status.st_mtime) == (0o755, 7.0)
    assert (out / "too").samefile(out / "bin/run")


def test_a_layer_need_not_be_compressed(tmp_path: Path, out: Path) -> None:
    plain = tmp_path / "layer.tar"
    plain.write_bytes(gzip.decompress(layer_of(tmp_path, member("a", size=1)).read_bytes()))

    extract_layer(plain, out)

    assert (out / "a").read_bytes() == b"x"


def test_a_few_bytes_do_not_unpack_to_a_full_disk(tmp_path: Path, out: Path) -> None:
    layer = layer_of(tmp_path, member("zeros", size=64 << 20))
    assert layer.stat().st_size < 1 << 17

    with pytest.raises(ArchiveError, match="zeros unpacks to far more"):
        extract_layer(layer, out, budget=Budget(32 << 20))

    assert not (out / "zeros").exists()


def test_a_sparse_file_counts_with_its_whole_size(tmp_path: Path, out: Path) -> None:
    """As GNU tar writes it: four bytes at the end of a terabyte."""
    size = 1 << 40
    header = tarfile.TarInfo("PaxHeaders/hole")
    header.type = tarfile.XHDTYPE
    records = [("GNU.sparse.major", "0"), ("GNU.sparse.minor", "1"), ("GNU.sparse.name", "hole")]
    records += [("GNU.sparse.size", str(size)), ("GNU.sparse.map", f"{size - 4},4")]
    lines = b"".join(_record(key, value) for key, value in records)
    header.size = len(lines)
    path = tmp_path / "layer.tar"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        tar.addfile(header, io.BytesIO(lines))
        tar.addfile(member("hole", size=4), io.BytesIO(b"last"))

    with pytest.raises(ArchiveError, match="hole unpacks to far more"):
        extract_layer(path, out)

    assert os.listdir(out) == []


def test_a_header_is_not_read_into_memory_whatever_it_says_of_its_size(tmp_path: Path, out: Path) -> None:
    header = member("PaxHeaders/x", tarfile.XHDTYPE, size=1 << 40)
    path = tmp_path / "layer.tar"
    path.write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(1024))

    with pytest.raises(ArchiveError, match="header of"):
        extract_layer(path, out)


@pytest.mark.parametrize("cut", [1, 100, 700], ids=["gzip-header", "tar-header", "content"])
def test_a_layer_that_was_cut_short_is_refused(tmp_path: Path, out: Path, cut: int) -> None:
    layer = tmp_path / "layer"
    with tarfile.open(tmp_path / "whole.tar.gz", "w:gz") as tar:
        tar.addfile(member("a", size=4096), io.BytesIO(os.urandom(4096)))
    layer.write_bytes((tmp_path / "whole.tar.gz").read_bytes()[:cut])

    with pytest.raises(ArchiveError, match="cannot be unpacked"):
        extract_layer(layer, out)


def _record(key: str, value: str) -> bytes:
    length = len(key) + len(value) + 3
    while len(line := f"{length} {key}={value}\n") != length:
        length = len(line)
    return line.encode()
