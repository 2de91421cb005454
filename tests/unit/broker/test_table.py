"""What the broker remembers across its own restart."""

from __future__ import annotations

import stat
from pathlib import Path

from faas.engine.broker.keeping.table import Remembered, load, save
from faas.engine.contract.eventing import BrokerConfig, EventingTable, TriggerConfig

REMEMBERED = Remembered(
    EventingTable(
        3,
        brokers=(BrokerConfig("default/orders", "u1", retention_s=60),),
        triggers=(TriggerConfig("default/notify", "u2", "default/orders", "http://x", ({"exact": {"type": "a"}},)),),
        existing=("u1", "u2", "u3"),
    ),
    (("default/old", "u0"),),
)


def test_the_table_comes_back_as_it_was_and_is_nobody_elses_to_read(tmp_path: Path) -> None:
    path = tmp_path / "eventing.json"
    save(path, REMEMBERED)
    assert load(path) == REMEMBERED
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_table_that_can_be_read_the_engine_has_to_say_it(tmp_path: Path) -> None:
    assert load(tmp_path / "eventing.json") is None
    (tmp_path / "eventing.json").write_text('{"table": {')
    assert load(tmp_path / "eventing.json") is None
