"""The files of an image, read from its layers: what a layer adds, replaces, hides."""

from __future__ import annotations

import io
import tarfile

import pytest
from faas_builders.oci.bases.filesystem import Filesystem
from hypothesis import given
from hypothesis import strategies as st

from tests.made_bases import Entry, layer


def filesystem(*layers: dict[str, Entry]) -> Filesystem:
    made = Filesystem(lambda path: 100)
    for entries in layers:
        made.add_layer(io.BytesIO(layer(entries)))
    return made


def content(files: Filesystem, path: str) -> bytes | None:
    found = files.find(path)
    return found[1].head if found else None


def test_a_later_layer_wins() -> None:
    files = filesystem({"etc/name": b"below"}, {"etc/name": b"above"})

    assert content(files, "/etc/name") == b"above"


@pytest.mark.parametrize(
    "above",
    [
        pytest.param({"opt/.wh.tool": b""}, id="a whiteout of the folder"),
        pytest.param({"opt/tool/.wh..wh..opq": b""}, id="an opaque folder"),
        pytest.param({".wh.opt": b""}, id="a whiteout further up"),
        pytest.param({"opt/tool": b"a file"}, id="a file in place of the folder"),
        pytest.param({"opt/tool": "elsewhere"}, id="a link in place of the folder"),
    ],
)
def test_what_a_later_layer_hides_is_gone(above: dict[str, Entry]) -> None:
    files = filesystem({"opt/tool/bin/run": b"x", "keep": b"y"}, above)

    assert content(files, "opt/tool/bin/run") is None
    assert content(files, "keep") == b"y"


def test_an_opaque_folder_hides_nothing_of_its_own_layer() -> None:
    files = filesystem({"opt/old": b"1"}, {"opt/new": b"2", "opt/.wh..wh..opq": b""})

    assert (content(files, "opt/old"), content(files, "opt/new")) == (None, b"2")


def test_a_folder_takes_the_place_of_a_link() -> None:
    files = filesystem({"usr/lib/x": b"1", "lib": "usr/lib"}, {"lib": None, "lib/y": b"2"})

    assert (content(files, "lib/x"), content(files, "lib/y")) == (None, b"2")


def test_links_are_followed_whether_relative_absolute_or_of_folders() -> None:
    files = filesystem(
        {
            "usr/bin/python3.12": b"it",
            "bin": "usr/bin",
            "usr/local/bin/python3": "../../bin/python3.12",
            "usr/local/bin/python": "/usr/local/bin/python3",
            "escape": "../../../../usr/bin/python3.12",
        }
    )

    for path in ("bin/python3.12", "/usr/local/bin/python3", "usr/local/bin/python", "escape"):
        found = files.find(path)
        assert found is not None
        assert found[0] == "usr/bin/python3.12"


def test_links_that_lead_in_a_circle_lead_nowhere() -> None:
    files = filesystem({"a": "b", "b": "a", "c": "c/c"})

    assert files.find("a") is files.find("c") is None


def test_a_hard_link_has_the_content_of_what_it_links_to() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("usr/bin/python3.12")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"abc"))
        linked = tarfile.TarInfo("usr/bin/python3")
        linked.type, linked.linkname = tarfile.LNKTYPE, "usr/bin/python3.12"
        tar.addfile(linked)
    out.seek(0)
    files = Filesystem(lambda path: 2)

    files.add_layer(out)

    assert content(files, "usr/bin/python3") == b"ab"


_PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
_LAYERS = st.lists(
    st.dictionaries(_PATHS, st.one_of(st.binary(max_size=3), st.just(".wh."), st.just(".opq.")), max_size=5), max_size=4
)


@given(_LAYERS)
def test_layers_give_what_unpacking_them_one_after_the_other_gives(layers: list[dict[str, bytes | str]]) -> None:
    expected: dict[str, bytes] = {}
    made = Filesystem(lambda path: 100)
    for described in layers:
        entries: dict[str, Entry] = {}
        hidden: list[tuple[str, bool]] = []  # path, and whether it goes too
        for path, what in described.items():
            parents = {path.rsplit("/", depth)[0] for depth in range(1, path.count("/") + 1)}
            if parents & described.keys() or any(other.startswith(path + "/") for other in described):
                continue  # no tar has a file that is a folder too
            folder, _, name = path.rpartition("/")
            if what == ".wh.":
                entries[f"{folder}/.wh.{name}".lstrip("/")] = b""
                hidden.append((path, True))
            elif what == ".opq.":
                entries[f"{path}/.wh..wh..opq"] = b""
                hidden.append((path, False))
            else:
                assert isinstance(what, bytes)
                entries[path] = what
        for path, too in hidden:
            expected = {
                name: data
                for name, data in expected.items()
                if not (name.startswith(path + "/") or (too and name == path))
            }
        for path in _folders(entries):
            expected.pop(path, None)
        for path, data in entries.items():
            if ".wh." not in path and isinstance(data, bytes):
                expected = {name: kept for name, kept in expected.items() if not name.startswith(path + "/")}
                expected[path] = data
        made.add_layer(io.BytesIO(layer({**dict.fromkeys(_folders(entries)), **entries})))

    assert {path: content(made, path) for path in made.paths()} == expected


def _folders(entries: dict[str, Entry]) -> list[str]:
    found = {"/".join(path.split("/")[:depth]) for path in entries for depth in range(1, path.count("/") + 1)}
    return sorted(found)
