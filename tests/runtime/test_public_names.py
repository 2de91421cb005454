"""The public API is what the documentation says."""

import re
from pathlib import Path

from faas_runtime.endpoints.metrics import Stats, exposition
from faas_runtime.options.known import OPTIONS

import faas
import faas.testing

CONTRACT = (Path(__file__).parents[2] / "docs" / "runtime-contract.md").read_text()


def _names_after(words: str) -> list[str]:
    paragraph = CONTRACT.partition(f"`{words} …`:")[2].partition("\n\n")[0]
    return re.findall(r"`(\w+)`", paragraph)


def test_what_can_be_imported_is_what_is_documented() -> None:
    assert sorted(faas.__all__) == _names_after("from faas import")
    assert sorted(faas.testing.__all__) == _names_after("from faas.testing import")
    assert all(getattr(faas, name) is not None for name in faas.__all__)


def test_every_option_is_documented() -> None:
    table = CONTRACT.partition("| option |")[2].partition("\n\n")[0]
    first_cells = " ".join(line.split("|")[1] for line in table.splitlines()[2:])
    assert set(re.findall(r"`(\w+)`", first_cells)) == set(OPTIONS)


def test_every_metric_is_documented() -> None:
    families = re.findall(r"# TYPE (\w+)", exposition([("f", Stats())], threads_overdue=0, revision=""))
    assert all(f"`{family}`" in CONTRACT for family in families)
