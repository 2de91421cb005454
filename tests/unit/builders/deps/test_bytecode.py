"""Bytecode for images: the same bytes each time, and tracebacks that name files inside the image."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
from pathlib import Path

from faas_builders.deps import compile_files, inspect
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
