from __future__ import annotations

from faas.testing import Client

import main


def test_the_page_answers() -> None:
    with Client(main) as client:
        assert client.get("/").text == "Hello from Flask!\n"


def test_json_comes_back() -> None:
    with Client(main) as client:
        assert client.post("/echo", json={"a": 1}).json() == {"you sent": {"a": 1}}
