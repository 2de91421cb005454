"""Bytecode for images: the same bytes each time, and tracebacks that name files inside the image."""

from __future__ import annotations

import hashlib
import marshal
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from faas_builders.deps import bytecode, compile_files, inspect
from faas_builders.deps.bytecode import compile_folder
from faas_builders.errors import BuildError
from faas_builders.files import ProjectFile, project_files

SOURCE = """
import os, sys
NAMES = {"one", "two", "three", "four", "a longer text", b"bytes"}
def handle(order, *, retries=3, names=frozenset({"x", "y", "zz"})):
    class Inner:
        path = os.path
        def method(self): return {"one": 1, "path": sys.path, **{name: None for name in names}}
    raise ValueError("no")
"""


def sources(folder: Path) -> list[ProjectFile]:
    (folder / "shop").mkdir(parents=True)
    (folder / "main.py").write_text(SOURCE)
    (folder / "shop" / "__init__.py").write_text("")
    (folder / "shop" / "orders.py").write_text(SOURCE * 3)
    (folder / "broken.py").write_text("def (:\n")
    (folder / "readme.txt").write_text("hello")
    return project_files(folder)


def compiled_elsewhere(folder: Path, cache: Path, seed: str) -> dict[str, bytes]:
    """In a process of its own, with hashes that begin elsewhere."""
    sources(folder)
    program = (
        "import sys; from pathlib import Path; from faas_builders.deps import compile_files, inspect\n"
        "from faas_builders.files import project_files\n"
        "for file in compile_files(project_files(Path(sys.argv[1])), inspect(sys.executable), '/app'):\n"
        "    print(file.path, file.source.read_bytes().hex())\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed, "XDG_CACHE_HOME": str(cache), f"NOISE_{seed}": "x" * int(seed)}
    command = [sys.executable, "-c", program, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return {line.split()[0]: bytes.fromhex(line.split()[1]) for line in done.stdout.splitlines()}


def test_other_processes_folders_and_hash_seeds_give_the_same_bytes(tmp_path: Path) -> None:
    one = compiled_elsewhere(tmp_path / "one", tmp_path / "cache-1", "1")
    other = compiled_elsewhere(tmp_path / "somewhere" / "else", tmp_path / "cache-2", "77")

    tag = sys.implementation.cache_tag
    names = ("__pycache__/main", "shop/__pycache__/__init__", "shop/__pycache__/orders")
    assert sorted(one) == [f"{name}.{tag}.pyc" for name in names]
    assert one == other


def test_bytecode_names_the_file_inside_the_image_and_needs_no_check_of_it(tmp_path: Path) -> None:
    files = compile_files(sources(tmp_path / "app"), inspect(sys.executable), "/app")

    main = next(file for file in files if "main" in file.path).source.read_bytes()
    assert marshal.loads(main[16:]).co_filename == "/app/main.py"
    assert int.from_bytes(main[4:8], "little") == 0b01  # by hash, unchecked


def test_what_was_compiled_once_is_not_compiled_again(tmp_path: Path) -> None:
    files = sources(tmp_path / "app")
    first = compile_files(files, inspect(sys.executable), "/app")
    stamps = [file.source.stat().st_ino for file in first]

    assert [file.source.stat().st_ino for file in compile_files(files, inspect(sys.executable), "/app")] == stamps


def test_no_modules_give_no_bytecode(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "notes.txt").write_text("hello")

    assert compile_files(project_files(tmp_path / "app"), inspect(sys.executable), "/app") == []


def installed(root: Path, names: Sequence[str], modules: int) -> None:
    """A folder with as many modules in each package, in two levels."""
    for name in names:
        (root / name / "inner").mkdir(parents=True)
        for index in range(modules):
            folder = root / name if index % 2 else root / name / "inner"
            (folder / f"m{index}.py").write_text(f"{SOURCE}\n{name} = {index}\n")
        (root / f"{name}_alone.py").write_text(SOURCE)


def digests(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*.pyc")
    }


def test_neither_the_number_of_processes_nor_what_else_is_there_changes_a_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {}
    for processes, names in ((1, "abc"), (2, "abc"), (7, "abc"), (2, "b")):
        monkeypatch.setattr(bytecode, "processors", lambda processes=processes: processes)
        root = tmp_path / f"{processes}-{names}"
        installed(root, names, 40)
        compile_folder(root, inspect(sys.executable), "/opt/faas/deps")
        made[processes, names] = digests(root)

    assert len(made[1, "abc"]) == 3 * 41
    assert made[1, "abc"] == made[2, "abc"] == made[7, "abc"]
    alone = {path: digest for path, digest in made[1, "abc"].items() if path.startswith(("b/", "__pycache__/b_"))}
    assert made[2, "b"] == alone


def test_a_disk_that_is_full_leaves_no_half_a_module(tmp_path: Path) -> None:
    root = tmp_path / "deps"
    installed(root, "a", 3)
    (root / "a" / "__pycache__").mkdir()
    tag = sys.implementation.cache_tag
    (root / "a" / "__pycache__" / f"m1.{tag}.pyc").symlink_to("/dev/full")

    with pytest.raises(BuildError, match="No space left"):
        compile_folder(root, inspect(sys.executable), "/opt/faas/deps")

    assert not os.path.lexists(root / "a" / "__pycache__" / f"m1.{tag}.pyc")


def test_what_cannot_be_compiled_is_left_to_its_import(tmp_path: Path) -> None:
    root = tmp_path / "deps"
    installed(root, "a", 2)
    (root / "a" / "broken.py").write_text("def (:\n")
    (root / "a" / "zeros.py").write_bytes(b"\0")
    (root / "a" / "deep.py").write_text("x = " + "(" * 2_000 + ")" * 2_000)
    (root / "a" / ("n" * 240 + ".py")).write_text("x = 1\n")

    compile_folder(root, inspect(sys.executable), "/opt/faas/deps")

    compiled = {Path(path).name.split(".")[0] for path in digests(root)}
    assert compiled == {"m0", "m1", "a_alone"}


def test_the_tests_of_packages_get_none(tmp_path: Path) -> None:
    root = tmp_path / "deps"
    installed(root, ("a", "testing"), 1)
    installed(root / "a" / "tests", "b", 2)

    compile_folder(root, inspect(sys.executable), "/opt/faas/deps")

    compiled = {path.partition("__pycache__/")[2].split(".")[0] for path in digests(root)}
    assert compiled == {"m0", "a_alone", "testing_alone"}
