"""What is tried again, and after how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.client.errors import ApiError, Unavailable
from faas.client.transport.retry import Attempts, RetryPolicy

POLICY = RetryPolicy(attempts=6, first_s=0.1, most_s=2.0)


@pytest.mark.parametrize(
    ("idempotent", "sent", "known", "attempts"),
    [
        pytest.param(True, True, True, 6, id="what-may-be-done-twice"),
        pytest.param(False, True, True, 1, id="what-may-not"),
        pytest.param(False, False, True, 6, id="what-was-not-sent-to-a-server-that-is-being-replaced"),
        pytest.param(True, False, False, 3, id="a-server-that-was-never-there"),
    ],
)
def test_how_often_a_server_is_asked_that_does_not_answer(
    idempotent: bool, sent: bool, known: bool, attempts: int
) -> None:
    tried = Attempts(POLICY, idempotent)

    count = 1
    while tried.unanswered(float(count), sent=sent, silent=False, known=known):
        count += 1

    assert count == attempts
    assert tried.unsure_since == (1.0 if sent else None)


def test_a_server_that_takes_requests_and_says_nothing_is_asked_twice() -> None:
    tried = Attempts(POLICY, idempotent=True)

    assert tried.unanswered(0.0, sent=True, silent=True, known=True)
    assert not tried.unanswered(9.0, sent=True, silent=True, known=True)
    assert tried.unsure_since == 0.0


@pytest.mark.parametrize(
    ("code", "idempotent", "again", "unsure"),
    [
        pytest.param(429, False, True, False, id="busy"),
        pytest.param(503, False, True, True, id="away"),
        pytest.param(500, True, True, True, id="broken-and-harmless"),
        pytest.param(500, False, False, True, id="broken"),
        pytest.param(409, True, False, False, id="refused"),
    ],
)
def test_what_is_tried_again_of_what_was_answered(code: int, idempotent: bool, again: bool, unsure: bool) -> None:
    tried = Attempts(POLICY, idempotent)

    assert tried.refused(7.0, code, ApiError("no", code=code)) is again
    assert tried.unsure_since == (7.0 if unsure else None)


@pytest.mark.parametrize(
    ("said", "is_status", "again"),
    [
        pytest.param("too busy", True, True, id="the-API-servers-own"),
        pytest.param("error trying to reach service: dial tcp: refused", False, True, id="nobody-was-there"),
        pytest.param("the Service is full", False, False, id="from-behind-it"),
    ],
)
def test_what_goes_on_to_a_service_is_sent_again_only_where_it_never_arrived(
    said: str, is_status: bool, again: bool
) -> None:
    error = Unavailable(said)
    error.is_status = is_status

    assert Attempts(POLICY, idempotent=False, relayed=True).refused(0.0, 503, error) is again


@given(st.integers(1, 20), st.floats(0, 1, exclude_max=True), st.none() | st.integers(1, 100))
def test_a_wait_is_between_half_a_step_and_all_of_it_or_what_was_asked_for(
    failures: int, jitter: float, asked: int | None
) -> None:
    wait_s = Attempts(POLICY, idempotent=True, failures=failures).wait_s(retry_after_s=asked, jitter=jitter)

    step = min(2.0, 0.1 * 2 ** (failures - 1))
    assert max(step / 2, asked or 0) <= wait_s <= max(step, asked or 0)
