"""The functions' own metrics as one Prometheus text: what each instance answers, with labels that say whose it is.

An instance that says nothing in time, or no metrics, is left out: whoever asks for the metrics waits for nobody.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from faas.engine.instances.probes import http_answer

PATH: Final = "/_faas/metrics"
TIMEOUT_S: Final = 1.0
_BYTES: Final = 128 * 1024  # of one instance: hundreds of functions; what is beyond is not listened to
_AT_ONCE: Final = 64

Labels = Mapping[str, str]

# Source: Prometheus exposition format 0.0.4.
_ABOUT = re.compile(r"# (HELP|TYPE) ([A-Za-z_:][\w:]*) .*", re.ASCII)
_SAMPLE = re.compile(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})? ((?:[-+]?[\d.][-+.\deE]*|NaN|[-+]?Inf)(?: -?\d+)?)", re.ASCII)
_LABEL = re.compile(r'([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"', re.ASCII)
_SUFFIXES: Final = ("", "_bucket", "_sum", "_count")


async def collect(instances: Sequence[tuple[str, Labels]], *, taken: Collection[str]) -> str:
    """Ask instances, by address, all at once.

    Args: taken: metrics that are told already, by those who know; no instance has a say in them.
    """
    slots = asyncio.Semaphore(_AT_ONCE)

    async def ask(address: str) -> str:
        async with slots:
            status, body = await http_answer(address, PATH, {}, limit=_BYTES)
        return body[: body.rfind(b"\n") + 1].decode("utf-8", "replace") if status == 200 else ""

    tasks = [asyncio.create_task(ask(address)) for address, _ in instances]
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=TIMEOUT_S)
    finally:
        for task in tasks:
            task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
    told = zip(answers, instances, strict=True)
    return merge([(answer, labels) for answer, (_, labels) in told if isinstance(answer, str)], taken=taken)


def merge(texts: Sequence[tuple[str, Labels]], *, taken: Collection[str]) -> str:
    """One text of several, each sample with the labels of its text; a family is explained once, and in one piece."""
    about: dict[str, dict[str, str]] = {}
    samples: dict[str, list[str]] = {}
    for text, labels in texts:
        family = ""
        for line in text.split("\n"):
            if found := _ABOUT.fullmatch(line):
                word, family = found.groups()
                about.setdefault(family, {}).setdefault(word, line)
            elif found := _SAMPLE.fullmatch(line):
                name, own, value = found.groups()
                of = family if family and name in [family + suffix for suffix in _SUFFIXES] else name
                samples.setdefault(of, []).append(f"{name}{{{_labelled(own or '', labels)}}} {value}")
    lines = [
        line
        for family, found in samples.items()
        if family not in taken
        for line in (*about.get(family, {}).values(), *found)
    ]
    return "".join(f"{line}\n" for line in lines)


def _labelled(own: str, labels: Labels) -> str:
    """Ours win: an instance does not choose whose metrics it tells."""
    others = [f'{name}="{value}"' for name, value in _LABEL.findall(own) if name not in labels]
    return ",".join([*(f'{name}="{value}"' for name, value in labels.items()), *others])
