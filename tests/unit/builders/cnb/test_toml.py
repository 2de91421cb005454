"""What is written as TOML reads back the same."""

from __future__ import annotations

import tomllib
from pathlib import Path

from faas_builders.cnb import toml
from hypothesis import given
from hypothesis import strategies as st

_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_PLAIN = st.one_of(_TEXT, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.lists(_TEXT))
_TABLES = st.recursive(
    st.dictionaries(_TEXT, _PLAIN),
    lambda below: st.dictionaries(_TEXT, st.one_of(_PLAIN, below, st.lists(below, min_size=1))),
    max_leaves=12,
)


@given(_TABLES)
def test_a_table_reads_back_as_it_was(table: toml.Table) -> None:
    assert tomllib.loads(toml.dumps(table)) == table


def test_the_descriptor_of_our_buildpack_survives() -> None:
    text = (Path(toml.__file__).parent / "buildpack/buildpack.toml").read_text()

    assert tomllib.loads(toml.dumps(tomllib.loads(text))) == tomllib.loads(text)
