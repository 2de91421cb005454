"""The writer of many requests goes on, whatever one commit meets."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from faas.inbox.letters import Choice, Letter
from faas.inbox.writing import Store


def letter(id: str) -> Letter:
    return Letter(1_000, "default", "on-order", "", id, "order.made", b"{}")


def test_letters_get_in_after_a_commit_that_failed_as_nobody_expected(tmp_path: Path) -> None:
    async def main() -> int:
        async with Store(tmp_path / "letters.db", 2**20) as store:
            with pytest.raises(UnicodeEncodeError):
                await store.add([letter("\ud800")])  # which is in no UTF-8
            async with asyncio.timeout(30):
                await store.add([letter("whole")])
            return await store.count(Choice(id="whole"))

    assert asyncio.run(main()) == 1
