from __future__ import annotations

from faas.testing import Client

from main import hello


def test_it_greets_the_world() -> None:
    with Client(hello) as client:
        assert client.get("/").json() == {"message": "Hello World!"}


def test_it_greets_by_name() -> None:
    with Client(hello) as client:
        assert client.get("/?name=Ada").json() == {"message": "Hello Ada!"}


def test_a_handler_is_a_plain_function() -> None:
    assert hello("Ada") == {"message": "Hello Ada!"}
