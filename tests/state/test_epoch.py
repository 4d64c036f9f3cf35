"""The epoch never repeats."""

import threading

from brainlite.state._epoch import Epoch


def test_an_epoch_never_returns_whichever_threads_meet() -> None:
    epoch = Epoch()
    seen: list[list[int]] = [[] for _ in range(4)]

    def work(values: list[int]) -> None:
        for _ in range(1000):
            epoch.advance()
            values.append(epoch.value)

    threads = [threading.Thread(target=work, args=(values,)) for values in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    before = epoch.value
    epoch.advance()
    assert epoch.value > before
    assert epoch.value > max(max(values) for values in seen)


def test_a_change_of_calls_is_a_change_of_the_epoch() -> None:
    epoch = Epoch()
    before = epoch.value, epoch.calls
    epoch.advance_calls()
    assert epoch.value > before[0]
    assert epoch.calls > before[1]
    calls = epoch.calls
    epoch.advance()
    assert epoch.calls == calls
