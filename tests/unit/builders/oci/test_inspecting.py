"""What is found in the layers of a base: Python, C library, certificates; and what is said when it will not do."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
from pathlib import Path

import pytest
from faas_builders.errors import ArchiveError, BaseImageError
from faas_builders.oci.bases.inspecting import BaseFacts, inspect_layers
from faas_builders.target import Platform

from tests.made_bases import GLIBC, MUSL, PATH, Entry, layer, program, python_files

AMD64 = Platform("linux", "amd64")


def inspect(
    folder: Path,
    *layers: dict[str, Entry],
    env: tuple[str, ...] = (PATH,),
    wanted: str = "",
    platform: Platform = AMD64,
) -> BaseFacts:
    paths = []
    for number, entries in enumerate(layers):
        paths.append(folder / str(number))
        paths[-1].write_bytes(gzip.compress(layer(entries), 1))
    return inspect_layers(paths, env, platform, "example/base:1", wanted)


def test_an_image_like_pythons_own(tmp_path: Path) -> None:
    facts = inspect(tmp_path, python_files("3.12"), env=(PATH, "PYTHON_VERSION=3.12.7"))

    assert facts == BaseFacts(
        python="/usr/local/bin/python3.12",
        version="3.12.7",
        libc="glibc",
        libc_version=(2, 36),
        certificates=True,
        home="",
    )


def test_alpine_has_musl_and_its_python_in_usr_bin(tmp_path: Path) -> None:
    facts = inspect(
        tmp_path,
        {
            "lib/ld-musl-x86_64.so.1": MUSL,
            "usr/bin/python3.12": program(loader="/lib/ld-musl-x86_64.so.1"),
            "usr/bin/python3": "python3.12",
        },
    )

    assert (facts.python, facts.libc, facts.libc_version) == ("/usr/bin/python3.12", "musl", (1, 2))
    assert facts.certificates is False


def test_the_path_of_the_image_says_which_python_is_meant(tmp_path: Path) -> None:
    venv: dict[str, Entry] = {"opt/venv/bin/python3": "/usr/local/bin/python3.12", "opt/venv/pyvenv.cfg": b""}

    facts = inspect(tmp_path, python_files("3.12"), venv, env=("PATH=/opt/venv/bin:/usr/local/bin:/usr/bin",))

    assert facts.python == "/opt/venv/bin/python3"  # by that name it finds what the environment has
    assert facts.version == "3.12"


def test_a_python_without_a_version_in_its_name_is_known_by_its_standard_library(tmp_path: Path) -> None:
    facts = inspect(
        tmp_path, {"opt/py/bin/python3": program(), "opt/py/lib/python3.13/os.py": b""}, env=("PATH=/opt/py/bin",)
    )

    assert (facts.python, facts.minor) == ("/opt/py/bin/python3", "3.13")


def test_the_header_of_python_says_its_patch_release(tmp_path: Path) -> None:
    header: dict[str, Entry] = {"usr/local/include/python3.12/patchlevel.h": b'#define PY_VERSION      "3.12.9"\n'}

    assert inspect(tmp_path, python_files("3.12"), header).version == "3.12.9"


def test_a_hint_of_another_minor_is_not_believed(tmp_path: Path) -> None:
    assert inspect(tmp_path, python_files("3.12"), env=(PATH, "PYTHON_VERSION=3.9.1")).version == "3.12"


def test_the_version_that_was_asked_for_is_taken_among_several(tmp_path: Path) -> None:
    more: dict[str, Entry] = {"usr/bin/python3.13": program(), "usr/bin/python3.11": program()}

    assert inspect(tmp_path, python_files("3.12"), more).minor == "3.12"
    assert inspect(tmp_path, python_files("3.12"), more, wanted="3.11").python == "/usr/bin/python3.11"


def test_a_newer_one_is_taken_where_python3_is_too_old(tmp_path: Path) -> None:
    facts = inspect(
        tmp_path, {"usr/bin/python3": "python3.9", "usr/bin/python3.9": program(), "usr/bin/python3.11": program()}
    )

    assert facts.python == "/usr/bin/python3.11"


def test_a_python_that_a_later_layer_removes_does_not_count(tmp_path: Path) -> None:
    with pytest.raises(
        BaseImageError, match=r"base example/base:1 has no Python \(looked in /usr/local/bin, .*/usr/bin"
    ):
        inspect(tmp_path, python_files(), {"usr/.wh.local": b""})


def test_shims_are_no_python(tmp_path: Path) -> None:
    with pytest.raises(BaseImageError, match="has no Python"):
        inspect(tmp_path, {"usr/bin/python3.12": b"#!/bin/sh\nexec pyenv exec python3.12 " + b"x" * 80})


@pytest.mark.parametrize(
    ("files", "wanted", "said"),
    [
        pytest.param(
            python_files("3.10"), "",
            r"base example/base:1 has Python 3\.10 \(/usr/local/bin/python3\.10\); functions need 3\.11", id="old",
        ),
        pytest.param(python_files("3.11"), "3.12", r"has Python 3\.11 .*; Python 3\.12 was asked for", id="another"),
        pytest.param(
            python_files("3.11", "arm64"), "",
            r"says that it is for linux/amd64, but its /usr/local/bin/python3\.11 was built for arm64",
            id="for another machine",
        ),
    ],
)  # fmt: skip
def test_a_python_that_will_not_do_is_named(tmp_path: Path, files: dict[str, Entry], wanted: str, said: str) -> None:
    with pytest.raises(BaseImageError, match=said) as error:
        inspect(tmp_path, files, wanted=wanted)

    assert "--base" in error.value.hint


def test_a_base_for_another_platform_is_read_without_running_it(tmp_path: Path) -> None:
    facts = inspect(tmp_path, python_files("3.11", "arm64"), platform=Platform("linux", "arm64"))

    assert facts.python == "/usr/local/bin/python3.11"


def test_an_unknown_libc_counts_as_the_oldest(tmp_path: Path) -> None:
    facts = inspect(tmp_path, {"usr/bin/python3.12": program()})

    assert (facts.libc, facts.libc_version) == ("glibc", (2, 17))


def test_the_home_of_the_user_is_read_from_passwd(tmp_path: Path) -> None:
    passwd: dict[str, Entry] = {
        "etc/passwd": b"root:x:0:0::/root:/bin/sh\nnonroot:x:65532:65532:n:/home/nonroot:/sbin/nologin\n"
    }

    assert inspect(tmp_path, python_files(), passwd).home == "/home/nonroot"


def test_layers_may_be_uncompressed(tmp_path: Path) -> None:
    path = tmp_path / "layer.tar"
    path.write_bytes(layer({**python_files(), "lib/libc.so.6": GLIBC}))

    assert inspect_layers([path], (PATH,), AMD64, "base").minor == "3.11"


def test_zstd_is_read_where_a_module_can_and_else_the_way_out_is_named(tmp_path: Path) -> None:
    path = tmp_path / "layer.tar.zst"
    zstd = _zstd()
    if zstd is None:
        path.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(20))
        with pytest.raises(BaseImageError, match=r"zstd, which Python 3\.\d+ cannot read") as error:
            inspect_layers([path], (PATH,), AMD64, "base")
        assert "pip install" in error.value.hint
    else:
        path.write_bytes(zstd.compress(layer(python_files())))
        assert inspect_layers([path], (PATH,), AMD64, "base").minor == "3.11"


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_a_layer_that_is_cut_off_is_an_error(tmp_path: Path, cut: float) -> None:
    whole = gzip.compress(layer(python_files()), 1)
    path = tmp_path / "layer"
    path.write_bytes(whole[: int(len(whole) * cut)])

    with pytest.raises(BaseImageError, match=r"layer 0 of base base cannot be read"):
        inspect_layers([path], (PATH,), AMD64, "base")


def test_a_layer_that_is_not_what_its_config_says_is_an_error(tmp_path: Path) -> None:
    plain = layer(python_files()) + bytes(10240)  # of what comes behind the end of a tar, too
    path = tmp_path / "layer"
    path.write_bytes(gzip.compress(plain, 1))
    right = "sha256:" + hashlib.sha256(plain).hexdigest()

    assert inspect_layers([path], (PATH,), AMD64, "base", diff_ids=[right]).minor == "3.11"
    with pytest.raises(BaseImageError, match="base base is put together wrongly: layer 0 does not unpack to what"):
        inspect_layers([path], (PATH,), AMD64, "base", diff_ids=["sha256:" + "1" * 64])


def test_an_entry_that_leads_out_of_the_image_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"cron\.d/x leads out of the image"):
        inspect(tmp_path, {**python_files(), "usr/../../etc/cron.d/x": b"* * * * *"})


def test_a_layer_that_unpacks_to_fill_the_disk_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "layer"
    with gzip.open(path, "wb", 9) as out:
        head = tarfile.TarInfo("zeros")
        head.size = 1 << 40
        out.write(head.tobuf(tarfile.GNU_FORMAT))
        for _ in range(300):
            out.write(bytes(1 << 20))

    with pytest.raises(ArchiveError, match="as if to fill the disk"):
        inspect_layers([path], (PATH,), AMD64, "base")


def _zstd() -> object:
    import importlib

    for name in ("compression.zstd", "backports.zstd", "zstandard"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None
