"""When an event is tried again, as Knative's delivery specification has it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from faas.engine.broker.delivery.attempts import NO_ANSWER, Failure, backoff_s, is_retried, next_wait_s
from faas.engine.contract.eventing import Delivery

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
THRICE = Delivery(retry=3, backoff_policy="exponential", backoff_delay_s=0.2)


def wait_s(delivery: Delivery, attempt: int, status: int, retry_after: str = "") -> float | None:
    return next_wait_s(delivery, attempt, Failure(status, "", retry_after=retry_after), now=NOW)


@pytest.mark.parametrize("status", [NO_ANSWER, 404, 408, 409, 429, 500, 501, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again(status: int) -> None:
    assert is_retried(status)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 405, 410, 413, 415, 422, 451])
def test_what_will_not_pass_is_not_tried_again(status: int) -> None:
    assert not is_retried(status)
    assert wait_s(THRICE, 0, status) is None


def test_there_are_as_many_attempts_as_retries_and_one() -> None:
    assert [wait_s(THRICE, attempt, 500) for attempt in range(4)] == [0.2, 0.4, 0.8, None]


def test_without_retries_the_first_failure_is_the_last() -> None:
    assert wait_s(Delivery(retry=0), 0, 500) is None


def test_exponential_doubles_from_the_delay() -> None:
    assert [backoff_s(THRICE, n) for n in range(5)] == [0.2, 0.4, 0.8, 1.6, 3.2]


def test_linear_begins_at_once() -> None:
    linear = Delivery(backoff_policy="linear", backoff_delay_s=2.0)
    assert [backoff_s(linear, n) for n in range(4)] == [0.0, 2.0, 4.0, 6.0]


def test_no_delay_is_no_wait() -> None:
    assert [backoff_s(Delivery(backoff_delay_s=0.0), n) for n in (0, 1, 5)] == [0.0, 0.0, 0.0]


def test_a_thousand_doublings_are_still_a_time() -> None:
    assert backoff_s(Delivery(retry=2000, backoff_delay_s=1.0), 1500) == 30 * 86_400.0


@pytest.mark.parametrize(
    ("cap_s", "status", "header", "expected"),
    [
        pytest.param(None, 503, "30", 0.2, id="not looked at unless a maximum is set"),
        pytest.param(0.0, 503, "30", 0.2, id="ignored with a maximum of zero"),
        pytest.param(60.0, 503, "30", 30.0, id="503"),
        pytest.param(60.0, 429, "30", 30.0, id="429"),
        pytest.param(60.0, 500, "30", 0.2, id="not of other statuses"),
        pytest.param(10.0, 503, "30", 10.0, id="at most the maximum"),
        pytest.param(60.0, 503, "0", 0.2, id="the backoff where that is longer"),
        pytest.param(60.0, 503, "Thu, 01 Jan 2026 12:00:20 GMT", 20.0, id="a date"),
        pytest.param(60.0, 503, "Thu, 01 Jan 2026 11:00:00 GMT", 0.2, id="a date that is over"),
        pytest.param(60.0, 503, "soon", 0.2, id="neither number nor date"),
        pytest.param(60.0, 503, f"Thu, 01 Jan 2026 12:00:20 +{'9' * 20}", 0.2, id="a zone beyond all bounds"),
        pytest.param(60.0, 503, "-5", 0.2, id="negative"),
    ],
)
def test_retry_after(cap_s: float | None, status: int, header: str, expected: float) -> None:
    delivery = Delivery(retry=3, backoff_delay_s=0.2, retry_after_max_s=cap_s)
    assert wait_s(delivery, 0, status, header) == expected


def test_the_code_of_an_attempt_without_an_answer_is_500() -> None:
    assert Failure(NO_ANSWER, "refused").code == 500
    assert Failure(404, "").code == 404
