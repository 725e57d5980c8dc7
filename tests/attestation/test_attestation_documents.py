"""What is believed of an attestation document, and all that is not."""

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from enclaves import IMAGE, Hypervisor, enclave_key, party
from keystead.attestation.verification import NotBelieved, roots, verify

NOW = 1_750_000_000.0


@pytest.fixture(scope="module")
def hypervisor():
    return Hypervisor(at=NOW)


@pytest.fixture(scope="module")
def public():
    return enclave_key()[1]


def trusted(hypervisor):
    return roots(hypervisor.root.pem)


def refused(hypervisor, raw, now=NOW):
    with pytest.raises(NotBelieved):
        verify(raw, trusted(hypervisor), now)


@pytest.mark.parametrize("tagged", [False, True])
def test_a_document_of_the_trusted_root_is_believed(hypervisor, public, tagged):
    found = verify(hypervisor.signed(hypervisor.document(public), tagged=tagged), trusted(hypervisor), NOW)

    assert found.public_key == public
    assert found.registers[0] == IMAGE.hex()
    assert found.module_id.startswith("i-")
    assert not found.of_tpm


def test_a_document_of_a_tpm_has_its_own_registers(hypervisor, public):
    fields = hypervisor.document(public, pcrs=None, nitrotpm_pcrs={4: b"\x04" * 48, 7: b"\x07" * 48})

    found = verify(hypervisor.signed(fields), trusted(hypervisor), NOW)

    assert found.of_tpm
    assert found.registers == {4: "04" * 48, 7: "07" * 48}


def test_user_data_and_a_nonce_may_be_there(hypervisor, public):
    verify(hypervisor.attest(public, user_data=b"x", nonce=b"y"), trusted(hypervisor), NOW)


# The signature


def test_every_altered_byte_is_noticed(hypervisor, public):
    raw = hypervisor.attest(public)

    for place in range(0, len(raw), 37):
        refused(hypervisor, raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])


def test_a_signature_of_another_key_is_not_believed(hypervisor, public):
    refused(hypervisor, hypervisor.signed(hypervisor.document(public), key=ec.generate_private_key(ec.SECP384R1())))


@pytest.mark.parametrize("header", [{1: -7}, {1: -36}, {}, {1: -35, 4: b"kid"}, {"1": -35}, []])
def test_another_algorithm_is_not_believed(hypervisor, public, header):
    refused(hypervisor, hypervisor.signed(hypervisor.document(public), protected=header))


def test_nothing_stands_beside_the_signature(hypervisor, public):
    refused(hypervisor, hypervisor.signed(hypervisor.document(public), unprotected={4: b"kid"}))


# The chain


def test_another_root_is_not_trusted(hypervisor, public):
    other = Hypervisor(at=NOW)

    with pytest.raises(NotBelieved):
        verify(other.attest(public), trusted(hypervisor), NOW)


def test_a_root_that_the_document_brings_is_not_trusted(hypervisor, public):
    other = Hypervisor(at=NOW)
    fields = other.document(public, cabundle=[hypervisor.root.der, other.root.der, *(one.der for one in other.between)])

    with pytest.raises(NotBelieved):
        verify(other.signed(fields), trusted(hypervisor), NOW)


def test_a_missing_link_is_not_believed(hypervisor, public):
    refused(hypervisor, hypervisor.attest(public, cabundle=[hypervisor.root.der, hypervisor.between[0].der]))


def test_no_roots_trust_nothing(hypervisor, public):
    with pytest.raises(NotBelieved):
        verify(hypervisor.attest(public), (), NOW)


@pytest.mark.parametrize("late", [-3601, 3 * 3600 + 1])
def test_certificates_that_are_not_valid_now_are_not_believed(hypervisor, public, late):
    raw = hypervisor.attest(public, at=NOW + late)

    refused(hypervisor, raw, NOW + late)


@pytest.mark.parametrize(
    "signer",
    [
        {"ca": True, "signs": True},
        {"ca": False, "signs": False},
        {"ca": False, "curve": ec.SECP256R1()},
    ],
    ids=["a CA", "not for signing", "P-256"],
)
def test_a_signer_that_may_not_sign_is_not_believed(public, signer):
    hypervisor = Hypervisor(at=NOW)
    hypervisor.signer = party("signer", hypervisor.between[-1], at=NOW, **signer)

    refused(hypervisor, hypervisor.attest(public))


@pytest.mark.parametrize(
    "authority",
    [{"ca": False, "certifies": True}, {"ca": True, "certifies": False}, {"length": 0}],
    ids=["no CA", "not for certificates", "path too long"],
)
def test_an_authority_that_may_not_certify_is_not_believed(public, authority):
    hypervisor = Hypervisor(at=NOW)
    first = party("region", hypervisor.root, at=NOW, **authority)
    second = party("instance", first, at=NOW)
    hypervisor.between = [first, second]
    hypervisor.signer = party("signer", second, ca=False, at=NOW)

    refused(hypervisor, hypervisor.attest(public))


def test_the_signer_of_another_chain_does_not_pass_for_an_authority(hypervisor, public):
    forger = party("forged", hypervisor.signer, ca=False, at=NOW)
    fields = hypervisor.document(
        public,
        certificate=forger.der,
        cabundle=[hypervisor.root.der, *(one.der for one in hypervisor.between), hypervisor.signer.der],
    )

    refused(hypervisor, hypervisor.signed(fields, key=forger.key))


# Time


@pytest.mark.parametrize(("age", "believed"), [(0, True), (299, True), (-299, True), (301, False), (-301, False)])
def test_a_document_is_fresh_for_five_minutes(hypervisor, public, age, believed):
    raw = hypervisor.attest(public, at=NOW - age)

    if believed:
        verify(raw, trusted(hypervisor), NOW)
    else:
        refused(hypervisor, raw)


# Form


@pytest.mark.parametrize(
    "changes",
    [
        {"public_key": None},
        {"public_key": b"dummy"},
        {"public_key": bytes(1025)},
        {"module_id": ""},
        {"module_id": None},
        {"module_id": b"bytes"},
        {"digest": "SHA256"},
        {"digest": None},
        {"timestamp": 0},
        {"timestamp": -1},
        {"timestamp": 1.5e12},
        {"timestamp": True},
        {"pcrs": {}},
        {"pcrs": None},
        {"pcrs": {32: bytes(48)}},
        {"pcrs": {-1: bytes(48)}},
        {"pcrs": {0: bytes(47)}},
        {"pcrs": {0: "text"}},
        {"pcrs": {"0": bytes(48)}},
        {"pcrs": {True: bytes(48)}},
        {"nitrotpm_pcrs": {0: bytes(48)}},
        {"cabundle": []},
        {"cabundle": [b""]},
        {"cabundle": b"bytes"},
        {"cabundle": [b"x"] * 9},
        {"certificate": b"noise"},
        {"certificate": bytes(1025)},
        {"user_data": bytes(1025)},
        {"nonce": "text"},
        {"more": 1},
    ],
    ids=lambda changes: f"{next(iter(changes))} {str(next(iter(changes.values())))[:12]}",
)
def test_a_document_of_another_form_is_not_believed(hypervisor, public, changes):
    refused(hypervisor, hypervisor.signed(hypervisor.document(**{"public_key": public, **changes})))


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 1024),  # noqa: S505  # the question
        ec.generate_private_key(ec.SECP384R1()),
    ],
    ids=["RSA of 1024 bits", "no RSA"],
)
def test_a_key_that_cannot_be_answered_to_is_not_taken(hypervisor, key):
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    refused(hypervisor, hypervisor.attest(spki))


def test_a_document_over_its_size_is_not_read(hypervisor, public):
    refused(hypervisor, hypervisor.signed({**hypervisor.document(public), "user_data": bytes(17_000)}))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xd2",
        b"\x80",
        cbor2.dumps([1, 2, 3, 4]),
        cbor2.dumps([b"", {}, b"", b"", b""]),
        b"\x9f\xff",
        b"\xd8\x1c" * 100_000,
        b"\x81" * 262_144,
        cbor2.dumps(cbor2.CBORTag(18, cbor2.CBORTag(18, []))),
        b"\xd8\x23\x63(a+",
        b"\xc2\x5a\x00\x03\xff\xf0" + bytes(262_128),
    ],
    ids=range(11),
)
def test_noise_is_no_document(hypervisor, raw):
    refused(hypervisor, raw)


def test_a_key_that_comes_twice_is_no_document(hypervisor, public):
    payload = cbor2.dumps(hypervisor.document(public))
    twice = bytes([payload[0] + 1]) + payload[1:] + cbor2.dumps("digest") + cbor2.dumps("SHA384")

    refused(hypervisor, cbor2.dumps([cbor2.dumps({1: -35}), {}, twice, bytes(96)]))


def test_bytes_after_the_end_are_no_document(hypervisor, public):
    refused(hypervisor, hypervisor.attest(public) + b"\x00")


@given(st.binary(max_size=400))
def test_whatever_comes_is_refused_and_nothing_else(noise):
    with pytest.raises(NotBelieved):
        verify(noise, (), NOW)
