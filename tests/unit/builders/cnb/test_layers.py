"""Layers that a lifecycle restores in several ways."""

from __future__ import annotations

import tomllib
from pathlib import Path

from faas_builders.cnb.layers import Layer, LayerKind

BOTH = LayerKind(launch=True, cache=True)


def make(root: Path, key: str) -> bool:
    return Layer(root, "deps", BOTH).made_once(key, lambda folder: (folder / "made").write_text(key) and None)


def test_a_restored_layer_is_reused_for_the_same_key_and_says_again_what_it_is_for(tmp_path: Path) -> None:
    assert make(tmp_path, "one") is False
    (tmp_path / "deps.toml").write_text('[metadata]\nkey = "one"\n')  # types are never restored
    (tmp_path / "deps.sbom.cdx.json").write_text("{}")

    assert make(tmp_path, "one") is True

    described = tomllib.loads((tmp_path / "deps.toml").read_text())
    assert described == {"types": {"launch": True, "build": False, "cache": True}, "metadata": {"key": "one"}}
    assert (tmp_path / "deps.sbom.cdx.json").exists()


def test_another_key_makes_it_anew_without_what_was_there(tmp_path: Path) -> None:
    make(tmp_path, "one")
    (tmp_path / "deps/old").write_text("")
    (tmp_path / "deps.sbom.cdx.json").write_text("{}")

    assert make(tmp_path, "two") is False

    assert [path.name for path in (tmp_path / "deps").iterdir()] == ["made"]
    assert not (tmp_path / "deps.sbom.cdx.json").exists()


def test_metadata_without_content_is_no_reason_to_reuse(tmp_path: Path) -> None:
    (tmp_path / "deps.toml").write_text('[metadata]\nkey = "one"\n')

    assert make(tmp_path, "one") is False
    assert (tmp_path / "deps/made").read_text() == "one"


def test_content_without_readable_metadata_is_made_anew(tmp_path: Path) -> None:
    make(tmp_path, "one")
    (tmp_path / "deps.toml").write_text("[meta")

    assert make(tmp_path, "one") is False


def test_variables_lie_where_the_launcher_looks_for_all_and_for_one_process(tmp_path: Path) -> None:
    layer = Layer(tmp_path, "settings", LayerKind(launch=True))
    layer.set_env("A", "1", "default")
    layer.set_env("B", "2", "override", process="worker")

    assert (tmp_path / "settings/env.launch/A.default").read_text() == "1"
    assert (tmp_path / "settings/env.launch/worker/B.override").read_text() == "2"
