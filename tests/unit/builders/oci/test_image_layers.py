"""Layers of ours: whole whatever happens to the files meanwhile, and with nothing in them that is not meant to be."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from faas_builders.builder import silent
from faas_builders.errors import BuildError, ProjectFileError
from faas_builders.files import ProjectFile, content_hash
from faas_builders.oci.image_layers import LayerMaker, make_app_layer, source_epoch
from faas_builders.oci.layers.layer import write_layer
from faas_builders.oci.store import ImageStore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def members(store: ImageStore, digest: str) -> dict[str, bytes]:
    with tarfile.open(store.blob(digest)) as tar:
        return {
            member.name: file.read() if (file := tar.extractfile(member)) else b""
            for member in tar
            if not member.isdir()
        }


def test_a_file_that_grows_while_it_is_read_leaves_the_archive_whole(tmp_path: Path) -> None:
    # The kernel says that this one is empty; what is read of it is more.
    growing = ProjectFile("growing", Path("/proc/self/status"))
    (tmp_path / "next").write_bytes(b"next")
    out = io.BytesIO()

    write_layer([growing, ProjectFile("next", tmp_path / "next")], "app", out, epoch=0)

    out.seek(0)
    with tarfile.open(fileobj=out) as tar:
        assert [(member.name, member.size) for member in tar] == [("app", 0), ("app/growing", 0), ("app/next", 4)]


def test_a_file_that_becomes_shorter_while_it_is_read_is_named() -> None:
    shrinking = next((path for path in Path("/sys/kernel/mm").glob("*/enabled") if path.stat().st_size == 4096), None)
    if shrinking is None:
        pytest.skip("no file here has fewer bytes than its size says")

    with pytest.raises(ProjectFileError, match="became shorter while it was read"):
        write_layer([ProjectFile("enabled", shrinking)], "app", io.BytesIO(), epoch=0)


def test_a_big_file_goes_through_unchanged(tmp_path: Path) -> None:
    content = bytes(range(256)) * 20_000
    (tmp_path / "big").write_bytes(content)
    store = ImageStore(tmp_path / "images")

    written = store.put_layer(lambda out: write_layer([ProjectFile("big", tmp_path / "big")], "", out, epoch=0))

    assert members(store, written.digest) == {"big": content}


def test_an_app_that_changes_while_its_layer_is_made_is_taken_as_it_is_afterwards(
    tmp_path: Path, project: Path
) -> None:
    store = ImageStore(tmp_path / "images")
    saves = iter(["two = 2\n"])

    def save_meanwhile(files: Sequence[ProjectFile]) -> Sequence[ProjectFile]:
        for text in saves:
            (project / "main.py").write_text(text)
        return ()

    made = make_app_layer(LayerMaker(store, 0, silent), project, 0, save_meanwhile)

    assert members(store, made.record.digest)["app/main.py"] == b"two = 2\n"
    assert make_app_layer(LayerMaker(store, 0, silent), project, 0).reused


def test_a_file_that_goes_away_meanwhile_is_not_missed(tmp_path: Path, project: Path) -> None:
    (project / "main.py~").write_text("an editor's, for a moment")

    def remove(files: Sequence[ProjectFile]) -> Sequence[ProjectFile]:
        (project / "main.py~").unlink(missing_ok=True)
        return ()

    store = ImageStore(tmp_path / "images")
    made = make_app_layer(LayerMaker(store, 0, silent), project, 0, remove)

    assert list(members(store, made.record.digest)) == ["app/main.py"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, project: Path) -> None:
    (project / "a-folder-in-place-of-it").mkdir()
    unreadable = ProjectFile("data.bin", project / "a-folder-in-place-of-it")

    with pytest.raises(ProjectFileError, match="a-folder-in-place-of-it: this file cannot be read") as error:
        content_hash([unreadable])

    assert ".faasignore" in error.value.hint


def test_an_app_that_never_rests_is_an_error(tmp_path: Path, project: Path) -> None:
    saves = 0

    def save(files: Sequence[ProjectFile]) -> Sequence[ProjectFile]:
        nonlocal saves
        saves += 1
        (project / "main.py").write_text(f"saves = {saves}\n")
        return ()

    with pytest.raises(BuildError, match="the files of layer app changed while it was made"):
        make_app_layer(LayerMaker(ImageStore(tmp_path / "images"), 0, silent), project, 0, save)


_NEVER = (
    ".git/config", ".hg/store", "venv/bin/python", ".venv/pyvenv.cfg", "__pycache__/main.cpython-311.pyc", "old.pyc",
    ".env", ".env.local", ".netrc", ".pypirc", ".ssh/id_ed25519", "id_rsa", "prod.kubeconfig", ".gitignore",
    "node_modules/x/index.js", "custom/pyvenv.cfg",
)  # fmt: skip
_IGNORED = ("build/out.bin", "notes.txt", "secrets.yaml")
_SHIPPED = ("main.py", "templates/index.html", "data/table.csv")
_FOLDERS = st.lists(st.sampled_from(["a", "b", "pkg"]), max_size=2).map("/".join)


@given(
    never=st.lists(st.tuples(_FOLDERS, st.sampled_from(_NEVER)), max_size=5),
    ignored=st.lists(st.tuples(_FOLDERS, st.sampled_from(_IGNORED)), max_size=3),
    shipped=st.lists(st.tuples(_FOLDERS, st.sampled_from(_SHIPPED)), min_size=1, max_size=3),
    wanted_back=st.booleans(),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_layer_has_what_is_never_or_not_to_be_in_it(
    tmp_path_factory: pytest.TempPathFactory,
    never: list[tuple[str, str]],
    ignored: list[tuple[str, str]],
    shipped: list[tuple[str, str]],
    wanted_back: bool,
) -> None:
    folder = tmp_path_factory.mktemp("project")
    root = folder / "project"
    for place, name in [*never, *ignored, *shipped]:
        path = root / place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"secret of {name}" if (place, name) not in shipped else "shipped")
    (root / ".gitignore").write_text("build/\nnotes.txt\n")
    (root / ".faasignore").write_text("secrets.yaml\n" + ("!.env\n!.git\n!id_rsa\n" if wanted_back else ""))
    store = ImageStore(folder / "images")

    made = make_app_layer(LayerMaker(store, 0, silent), root, 0)

    found = members(store, made.record.digest)
    assert set(found.values()) <= {b"shipped"}
    assert set(found) <= {f"app/{place}/{name}".replace("//", "/") for place, name in shipped}


@pytest.mark.parametrize("value", ["yesterday", "-1", "1.5", "99999999999999999"])
def test_an_epoch_that_is_no_moment_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", value)

    with pytest.raises(BuildError, match=r"SOURCE_DATE_EPOCH is .*, which is no moment"):
        source_epoch()
