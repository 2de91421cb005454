"""When the supervisor starts a process again."""

from faas.engine.supervisor.restarts import Restarts


def test_the_first_death_is_followed_by_a_start_at_once() -> None:
    assert Restarts().after_death(lived_s=0.1) == (Restarts(1), 0.0)


def test_deaths_in_a_row_wait_longer_and_longer_up_to_five_seconds() -> None:
    restarts, waits = Restarts(), []
    for _ in range(9):
        restarts, wait = restarts.after_death(lived_s=0.0)
        waits.append(wait)

    assert waits == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_a_process_that_lived_long_enough_starts_at_once_again() -> None:
    assert Restarts(7).after_death(lived_s=10.0) == (Restarts(1), 0.0)
