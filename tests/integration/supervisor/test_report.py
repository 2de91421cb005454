"""What the supervisor writes down must never end it."""

from __future__ import annotations

import json
from pathlib import Path

from faas.engine.supervisor.report import Report


def test_a_description_for_which_there_was_no_room_is_written_when_there_is(tmp_path: Path) -> None:
    path, in_the_way = tmp_path / "engine.json", tmp_path / "engine.json.part"
    in_the_way.mkdir()
    report = Report(None, str(tmp_path / "engine.log"))

    report.write(str(path), {"pid": 1})
    report.keep_house()
    assert not path.exists()
    in_the_way.rmdir()
    report.keep_house()

    assert json.loads(path.read_text()) == {"pid": 1}
