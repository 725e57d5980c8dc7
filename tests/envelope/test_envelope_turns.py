"""Threads that share a message: every frame once, the first error ends all, and a fork has helpers of its own."""

import os
import signal
import subprocess
import sys
import threading
import tracemalloc
import weakref

import pytest

from keystead.envelope import Envelope, NotAuthentic
from keystead.envelope.frames import layout_to_write
from keystead.envelope.fresh import fresh
from keystead.envelope.turns import Turns, share

FRAME = 65_536
LAYOUT = layout_to_write(0, FRAME, 1000 * FRAME + 1)


def nothing() -> None:
    """For a last frame that does not matter here."""


def test_every_frame_is_taken_once():
    done: list[int] = []

    def work(turns: Turns) -> None:
        for first, count in turns:
            done.extend(range(first, first + count))

    share(work, lambda: done.append(LAYOUT.full), LAYOUT, 7, 4)

    assert sorted(done) == list(range(LAYOUT.full + 1))


@pytest.mark.parametrize("threads", [1, 4])
def test_the_last_frame_is_the_callers_and_comes_first(threads):
    """Who reads a message that was cut knows it before all else is opened."""

    def last() -> None:
        assert threading.get_ident() == caller
        raise NotAuthentic

    caller, taken = threading.get_ident(), []

    with pytest.raises(NotAuthentic):
        share(lambda turns: taken.append((threading.get_ident(), list(turns))), last, LAYOUT, 7, threads)

    assert caller not in [thread for thread, _ in taken]


def test_turns_become_smaller_so_that_none_waits_long_for_another():
    counts = [count for _, count in Turns(100, 16, 2)]

    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1], sum(counts)) == (16, 1, 100)
    assert [count for _, count in Turns(100, 16)] == [16] * 6 + [4]


def test_a_helper_works_beside_the_caller():
    both = threading.Barrier(2, timeout=60)

    share(lambda _: both.wait(), nothing, LAYOUT, 7, 2)  # neither gets past without the other

    assert not both.broken


@pytest.mark.parametrize("fails", [0, 500, LAYOUT.full - 1])
def test_the_first_error_ends_all(fails):
    def work(turns: Turns) -> None:
        for first, count in turns:
            if first <= fails < first + count:
                raise NotAuthentic

    with pytest.raises(NotAuthentic):
        share(work, nothing, LAYOUT, 7, 3)


def test_what_does_not_pay_stays_in_one_thread():
    seen: set[int] = set()
    small = layout_to_write(0, FRAME, 20 * FRAME)

    share(lambda _: seen.add(threading.get_ident()), nothing, small, 7, 4)

    assert seen == {threading.get_ident()}


@pytest.mark.parametrize("at", [3_000_000, 9_000_000, -30])
def test_a_changed_byte_leaves_zeros_whichever_thread_met_it(keyring, at):
    envelope = Envelope(keyring, threads=3)
    sealed = bytearray(envelope.encrypt(b"x" * 14 * 1024 * 1024))
    sealed[at] ^= 1
    out = bytearray(b"y" * 14 * 1024 * 1024)

    with pytest.raises(NotAuthentic):
        envelope.decrypt_into(sealed, out)

    assert not any(out)


def test_what_the_call_was_given_is_the_callers_again_at_once(keyring):
    """A helper that never came, because all are busy, holds no view of it: a bytearray with one cannot change its size."""
    several = (os.cpu_count() or 1) + 1
    all_here, go = threading.Barrier(several + 1, timeout=60), threading.Event()

    def busy(_: Turns) -> None:
        all_here.wait()
        go.wait(60)

    occupant = threading.Thread(target=share, args=(busy, nothing, LAYOUT, 7, several))
    occupant.start()
    all_here.wait()
    data, out = bytearray(10 * 1024 * 1024), bytearray(11 * 1024 * 1024)

    try:
        Envelope(keyring, threads=2).encrypt_into(data, out)
        data.append(0)
        out.append(0)
    finally:
        go.set()
        occupant.join()


class Held:
    """What a work holds."""


def test_nothing_of_the_work_is_left_when_the_call_is_over():
    """Not with the helper that worked either, in whichever step of going home it is."""

    def once() -> weakref.ref[Held]:
        held, both = Held(), threading.Barrier(2, timeout=60)

        def work(_: Turns) -> None:
            both.wait()
            assert held

        share(work, nothing, LAYOUT, 7, 2)
        return weakref.ref(held)

    assert [once()() for _ in range(200)] == [None] * 200


def test_an_interrupt_of_the_caller_waits_for_the_helper():
    """Who clears a buffer after an error must be the last to write to it."""
    both, interrupted, done = threading.Barrier(2, timeout=60), threading.Event(), []

    def interrupt(*_: object) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    def work(_: Turns) -> None:
        both.wait()
        if threading.current_thread() is not threading.main_thread():
            threading.Event().wait(0.2)  # the caller is done, and waits
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
            interrupted.wait(60)
            threading.Event().wait(0.2)  # the caller would be gone
            done.append(True)

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            share(work, nothing, LAYOUT, 7, 2)

        assert done
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_a_result_is_given_away_without_a_copy(size):
    made = fresh(size)
    with made.getbuffer() as view:
        view[:] = b"x" * size
    tracemalloc.start()

    result = made.getvalue()

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result == b"x" * size
    assert peak < 100_000


FORKED = """
import os, sys
from keystead.envelope import Envelope, RawAesKeyring
envelope, data = Envelope(RawAesKeyring("n", "k", bytes(32)), threads=2), bytes(10 * 1024 * 1024)
assert envelope.decrypt(envelope.encrypt(data)).plaintext == data
if (child := os.fork()) == 0:
    os._exit(0 if envelope.decrypt(envelope.encrypt(data)).plaintext == data else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


AT_EXIT = """
import atexit
from keystead.envelope import Envelope, RawAesKeyring
envelope, data = Envelope(RawAesKeyring("n", "k", bytes(32)), threads=2), bytes(10 * 1024 * 1024)
atexit.register(lambda: print(envelope.decrypt(envelope.encrypt(data)).plaintext == data))
"""


def test_the_end_of_a_process_still_seals():
    done = subprocess.run([sys.executable, "-c", AT_EXIT], check=True, timeout=60, capture_output=True, text=True)

    assert done.stdout == "True\n"


def test_a_fork_has_helpers_of_its_own():
    done = subprocess.run([sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED], check=False, timeout=60)

    assert done.returncode == os.EX_OK
