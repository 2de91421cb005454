"""Filter evaluations a second on one core, by kind, and what finding the triggers of an event costs among many."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from faas_runtime.events.matching import TriggerIndex, compile_filters

from bench.report import Figure

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "4c5c9d3e-59f5-4cf9-8c62-1d7bb4f2a3a0",
    "type": "com.acme.order.created",
    "source": "/shop/eu",
    "subject": "orders/4711",
    "time": "2026-11-23T14:00:00Z",
    "datacontenttype": "application/json",
    "region": "eu-west-1",
    "amount": 250,
}
COMPLEX = (
    "(type LIKE 'com.acme.%.created' OR type IN ('com.acme.refund', 'com.acme.return')) AND amount * 2 > 100 "
    "AND NOT (source = '/shop/test') AND UPPER(LEFT(region, 2)) = 'EU' AND EXISTS subject"
)
KINDS: dict[str, dict[str, Any]] = {
    "exact": {"exact": {"type": "com.acme.order.created"}},
    "exact, another type": {"exact": {"type": "com.acme.order.paid"}},
    "prefix": {"prefix": {"type": "com.acme."}},
    "suffix": {"suffix": {"type": ".created"}},
    "all of two": {"all": [{"exact": {"type": "com.acme.order.created"}}, {"prefix": {"source": "/shop"}}]},
    "any of two": {"any": [{"prefix": {"type": "org."}}, {"suffix": {"type": ".created"}}]},
    "not": {"not": {"exact": {"source": "/shop/test"}}},
    "cesql, one comparison": {"cesql": "type = 'com.acme.order.created'"},
    "cesql, LIKE and a number": {"cesql": "type LIKE 'com.acme.%' AND amount > 100"},
    "cesql, an attribute is missing": {"cesql": "type LIKE 'com.acme.%' AND priority > 3"},
    "cesql, ten operators": {"cesql": COMPLEX},
}
TRIGGERS = (1, 10, 100, 1000)
WANTED_PER_S = {"exact": 2e6, "cesql": 2e5, "": 1e6}  # 0.5 µs; a few µs; 1 µs: far below what a delivery costs
_ROUNDS, _CALLS = 8, 50_000

Name = TypeVar("Name")
Evaluate = Callable[[Mapping[str, Any]], Any]


def filters() -> list[Figure]:
    kinds = _rates({name: compile_filters([each]).matches for name, each in KINDS.items()})
    found = _rates({count: _index(count).wanting for count in TRIGGERS})
    one = found.pop(1)
    return [
        *(Figure(f"filter: {name}", rate, "evaluations/s", _wanted(name), "more") for name, rate in kinds.items()),
        Figure("an event's triggers found, among 1", one, "events/s", 2e5, "more"),
        *(
            Figure(f"an event's triggers found, among {count}", rate, "events/s", 0.5, "more", "among 1", one)
            for count, rate in found.items()
        ),
    ]


def _wanted(name: str) -> float:
    return next(rate for start, rate in WANTED_PER_S.items() if name.startswith(start))


def _index(count: int) -> TriggerIndex[int]:
    """One trigger wants the event; the others each want a type of their own."""
    index: TriggerIndex[int] = TriggerIndex()
    for n in range(count):
        wanted = EVENT["type"] if n == 0 else f"com.acme.other{n}"
        index.add(n, compile_filters([{"exact": {"type": wanted}}, {"prefix": {"source": "/shop"}}]))
    return index


def _rates(evaluations: Mapping[Name, Evaluate]) -> dict[Name, float]:
    """Calls in a second of CPU time: the best of several rounds of all in turn, for what else runs only ever slows."""
    taken = {name: [_taken_s(evaluate) for _ in range(2)] for name, evaluate in evaluations.items()}
    for _ in range(_ROUNDS):
        for name, evaluate in evaluations.items():
            taken[name].append(_taken_s(evaluate))
    return {name: _CALLS / min(each) for name, each in taken.items()}


def _taken_s(evaluate: Evaluate) -> float:
    event = EVENT
    begun = time.process_time()
    for _ in range(_CALLS):
        evaluate(event)
    return time.process_time() - begun
