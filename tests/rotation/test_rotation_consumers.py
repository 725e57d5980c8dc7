"""Who may still hold an old version, and what tags say about it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.rotation import wishes
from keystead.rotation.consumers import Read, Reader, holders
from keystead.rotation.errors import WishUnknown
from keystead.rotation.wishes import Policy, Refresh, Wishes

SILENT = Wishes()
OLD, NEW = "v1", "v2"
PLAIN = Reader("arn:aws:iam::111122223333:user/app", "192.0.2.1", "Boto3/1.44")
CACHING = Reader("arn:aws:sts::111122223333:assumed-role/app/one", "192.0.2.1", "Boto3/1.44 AwsSecretCache/1.1")
WRAPPER = Reader("arn:aws:iam::111122223333:user/app", "192.0.2.2", "aws-advanced-python-wrapper/1")


def who(reads: list[Read], now: float, secret: Wishes = SILENT, **own: Wishes) -> set[Reader]:
    return {holder.reader for holder in holders(reads, [OLD, NEW], own, secret, now)}


def test_a_reader_holds_what_it_read_until_its_cache_has_run_out() -> None:
    reads = [Read(CACHING, OLD, 100.0)]

    assert who(reads, 3699.0) == {CACHING}
    assert who(reads, 3700.0) == set()


def test_a_reader_that_has_seen_the_new_version_holds_the_old_one_no_more() -> None:
    assert who([Read(PLAIN, OLD, 100.0), Read(PLAIN, NEW, 200.0)], 201.0) == set()


def test_a_reader_that_went_back_to_the_old_version_holds_it_again() -> None:
    assert who([Read(PLAIN, NEW, 100.0), Read(PLAIN, OLD, 200.0)], 201.0) == {PLAIN}


def test_what_one_instance_has_read_says_nothing_of_another() -> None:
    assert who([Read(PLAIN, OLD, 100.0), Read(CACHING, OLD, 100.0), Read(CACHING, NEW, 200.0)], 201.0) == {PLAIN}


def test_a_client_that_asks_only_after_a_failed_login_is_never_let_go_by_time() -> None:
    assert who([Read(WRAPPER, OLD, 100.0)], 1e9) == {WRAPPER}


def test_the_reader_s_own_word_counts_before_the_secret_s_and_that_before_the_client_s() -> None:
    reads = [Read(PLAIN, OLD, 100.0)]
    secret = Wishes(cache=10)

    assert who(reads, 111.0, secret) == set()
    assert who(reads, 111.0, secret, **{PLAIN.arn: Wishes(cache=100)}) == {PLAIN}
    assert who(reads, 1e9, secret, **{PLAIN.arn: Wishes(refresh=Refresh.on_restart)}) == {PLAIN}


@given(
    st.lists(
        st.tuples(st.sampled_from([PLAIN, CACHING, WRAPPER]), st.sampled_from([OLD, NEW]), st.floats(0, 1e6)),
        max_size=20,
    )
)
def test_nobody_is_let_go_who_read_the_old_version_last_and_may_cache_it(made: list[tuple[Reader, str, float]]) -> None:
    reads = [Read(*one) for one in made]
    now = 1e6

    found = who(reads, now)

    for reader in (PLAIN, CACHING, WRAPPER):
        mine = sorted((read.at, read.version) for read in reads if read.reader == reader)
        times = [at for at, _ in mine]
        if mine and len(set(times)) == len(times):
            expected = mine[-1][1] == OLD and (reader is WRAPPER or mine[-1][0] + 3600 > now)
            assert (reader in found) is expected


def test_tags_say_what_the_owner_wants() -> None:
    tags = {
        "keystead:overlap": "90m",
        "keystead:overlap-policy": "terminate",
        "keystead:cache-seconds": "30",
        "team": "x",
    }

    said = wishes.read(tags)

    assert (said.overlap, said.policy, said.cache) == (5400.0, Policy.terminate, 30)


def test_no_tags_mean_a_day_and_then_revocation() -> None:
    assert (wishes.read(None).overlap, wishes.read({}).policy) == (86400.0, Policy.revoke)
    assert wishes.read({"keystead:overlap": "off"}).overlap == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("keystead:overlap", "a while"),
        ("keystead:overlap", "0h"),
        ("keystead:overlap", "401d"),
        ("keystead:overlap-policy", "forgive"),
        ("keystead:refresh", "never"),
        ("keystead:cache-seconds", "-1"),
        ("keystead:cache-seconds", "99999999"),
        ("keystead:compromised", "yes"),
        ("keystead:overlaps", "24h"),
        ("Keystead:Overlap", "24h"),
    ],
)
def test_a_tag_that_means_nothing_is_refused(name: str, value: str) -> None:
    with pytest.raises(WishUnknown):
        wishes.check({name: value})
