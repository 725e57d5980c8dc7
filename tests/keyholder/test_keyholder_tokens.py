"""A token opens only as what it was made for."""

import hmac

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from keystead.keyholder import tokens
from keystead.keyholder.errors import DomainKeyUnknown, TokenInvalid
from keystead.keyholder.own_keys import OwnKeys
from keystead.keyholder.promise import SealedKey
from keystead.keyholder.sealing import Altered, urandom
from keystead.keyholder.tokens import KEY_MATERIAL, SIGNING_SECRET, Binding, unwrap, wrap

FIELDS = ("key_id", "material_id", "spec", "origin")
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
bindings = st.builds(Binding, words, words, words, words, st.sampled_from([KEY_MATERIAL, SIGNING_SECRET]))
SECRET = bytes(range(32))


@pytest.fixture(scope="module")
def own() -> OwnKeys:
    made = OwnKeys((urandom(32),))
    made.load((made.make("domain", 1), made.make("identifier", 1)))
    return made


@given(binding=bindings)
def test_a_token_opens_as_what_it_was_made_for(own, binding):
    assert unwrap(own, binding, wrap(own, binding, SECRET)) == SECRET


@given(binding=bindings, other=bindings)
def test_a_token_opens_as_nothing_else(own, binding, other):
    assume(binding != other)

    with pytest.raises(TokenInvalid):
        unwrap(own, other, wrap(own, binding, SECRET))


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_of_the_binding_counts(own, field):
    binding = Binding("key", "00" * 32, "SYMMETRIC_DEFAULT")

    with pytest.raises(TokenInvalid):
        unwrap(own, binding._replace(**{field: "other"}), wrap(own, binding, SECRET))


@given(one=bindings, other=bindings)
def test_two_bindings_never_look_the_same(one, other):
    assert (one.bound() == other.bound()) == (one == other)


def test_letters_do_not_move_from_one_field_to_the_next(own):
    token = wrap(own, Binding("ab", "c", ""), SECRET)

    for moved in (Binding("a", "bc", ""), Binding("abc", "", ""), Binding("ab", "", "c")):
        with pytest.raises(TokenInvalid):
            unwrap(own, moved, token)


@given(cut=st.integers(0, 92))
def test_a_token_that_was_cut_off_does_not_open(own, cut):
    token = wrap(own, Binding("key"), SECRET)
    assert len(token) == 93

    with pytest.raises(TokenInvalid):
        unwrap(own, Binding("key"), token[:cut])


def test_a_token_of_another_installation_asks_for_its_domain_key(own):
    foreign = OwnKeys((urandom(32),))
    foreign.load((foreign.make("domain", 1),))

    with pytest.raises(DomainKeyUnknown):
        unwrap(own, Binding("key"), wrap(foreign, Binding("key"), SECRET))


def test_nothing_is_wrapped_before_a_domain_key_is_there():
    with pytest.raises(DomainKeyUnknown):
        wrap(OwnKeys((urandom(32),)), Binding("key"), SECRET)
    with pytest.raises(DomainKeyUnknown):
        tokens.material_id(OwnKeys((urandom(32),)), "key", SECRET)


def test_a_wrapping_that_does_not_open_again_is_never_given_out(own, monkeypatch):
    monkeypatch.setattr("keystead.keyholder.sealing.open_sealed", lambda *_: bytes(32))

    with pytest.raises(Altered):
        wrap(own, Binding("key"), SECRET)


def test_a_material_id_is_that_of_its_key_and_its_bytes(own):
    made = tokens.material_id(own, "key", SECRET)

    drawn = b"\0\0\0\3key" + b"\0\0\0\x20" + SECRET
    assert made == hmac.new(own.identifier(), drawn, "sha256").hexdigest()
    assert made == tokens.material_id(own, "key", SECRET)
    assert made not in {tokens.material_id(own, "other", SECRET), tokens.material_id(own, "key", bytes(32))}


def test_the_identifier_key_is_never_replaced_by_an_older_one():
    own = OwnKeys((urandom(32),))
    older, newer = own.make("identifier", 1), own.make("identifier", 2)
    own.load((newer,))
    before = bytes(own.identifier())

    own.load((older, newer, older))

    assert own.identifier() == before != bytes(32)


def test_loading_is_all_or_nothing(own):
    made = own.make("domain", 9)
    broken = SealedKey(made.id, made.purpose, 10, made.blob)

    with pytest.raises(TokenInvalid):
        own.load((made, broken))

    with pytest.raises(DomainKeyUnknown):
        own.domain(bytes.fromhex(made.id.replace("-", "")))


def test_loading_the_same_key_twice_does_not_wipe_it():
    own = OwnKeys((urandom(32),))
    made = own.make("domain", 1)

    for _ in range(3):
        own.load((made, made))

    assert own.newest_domain()[1] != bytes(32)
