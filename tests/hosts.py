"""An authority with certificates for hosts, and a client that signs as AWS's credential helper does; as a program, its credential-process."""

import argparse
import base64
import datetime as dt
import hashlib
import http.client
import json
import subprocess
from types import SimpleNamespace
from urllib.parse import quote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

NAMES = {
    "CN": NameOID.COMMON_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
}
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


def distinguished(**parts):
    return x509.Name([x509.NameAttribute(NAMES[key], value) for key, value in parts.items()])


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def pem(*certificates):
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates).decode()


def new_key(kind="EC"):
    if kind == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


SIGNING = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
CERTIFYING = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class Authority:
    """A certificate authority: its own certificate, and those it makes."""

    def __init__(self, name="Test Root", parent=None, *, kind="EC", path_length=None):
        self.key = new_key(kind)
        self.name = distinguished(CN=name, O="Tests")
        signer = parent or self
        self.certificate = self._made(
            self.name,
            signer.name,
            self.key.public_key(),
            signer.key,
            [
                (x509.BasicConstraints(ca=True, path_length=path_length), True),
                (CERTIFYING, True),
                (x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False),
                (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), False),
            ],
            (NOW - DAY, NOW + 30 * DAY),
            hashes.SHA256(),
        )

    def issue(
        self,
        public,
        *,
        subject=None,
        usage=SIGNING,
        ca=None,
        valid=(NOW - DAY, NOW + DAY),
        more=(),
    ):
        extensions = [*more, (x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False)]
        if usage is not None:
            extensions.append((usage, True))
        if ca is not None:
            extensions.append((x509.BasicConstraints(ca=ca, path_length=None), True))
        name = subject or distinguished(CN="host-1.example.com", O="Acme", OU="web")
        return self._made(name, self.name, public, self.key, extensions, valid, hashes.SHA256())

    def revocations(self, *certificates, next_update=NOW + DAY, key=None):
        made = x509.CertificateRevocationListBuilder(self.name, NOW - DAY, next_update)
        for one in certificates:
            entry = x509.RevokedCertificateBuilder(one.serial_number, NOW - DAY).build()
            made = made.add_revoked_certificate(entry)
        return made.sign(key or self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    @staticmethod
    def _made(subject, issuer, public, signer, extensions, valid, digest):
        made = x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number(), *valid)
        for extension, critical in extensions:
            made = made.add_extension(extension, critical)
        return made.sign(signer, digest)


def by_openssl(folder, authority, key, digest):
    """A certificate for a key, made by openssl: cryptography signs nothing with SHA-1."""
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for name, one in (("ca", authority.key), ("host", key)):
        (folder / f"{name}.key").write_bytes(one.private_bytes(serialization.Encoding.PEM, *plain))
    (folder / "ca.pem").write_text(pem(authority.certificate))
    (folder / "extensions").write_text("keyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid\n")
    request = ["openssl", "req", "-new", "-key", "host.key", "-subj", "/CN=old.example.com", "-out", "host.csr"]
    sign = ["openssl", "x509", "-req", "-in", "host.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
    sign += [f"-{digest}", "-days", "1", "-extfile", "extensions", "-out", "host.pem"]
    for command in (request, sign):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return x509.load_pem_x509_certificate((folder / "host.pem").read_bytes())


class Host:
    """Somebody with a key and a certificate. `sign_in` gives (status, answer)."""

    def __init__(self, authority, *, kind="EC", chain=(), **more):
        self.key = new_key(kind)
        self.certificate = authority.issue(self.key.public_key(), **more)
        self.chain = chain

    def sign_in(self, house, setup, *, at=None, change=None, **asked):
        """`change` may alter what is sent after it has been signed."""
        body = asked.pop("body", {})
        query = {
            "profileArn": setup.profile,
            "roleArn": setup.role,
            "trustAnchorArn": setup.anchor,
            **asked,
        }
        sent = self.signed(house, query, body, at or dt.datetime.now(dt.UTC))
        if change is not None:
            change(sent)
        return send(house, sent)

    def signed(self, house, query, body, at, place=("POST", "/sessions")):
        raw = json.dumps(body).encode()
        time = at.strftime("%Y%m%dT%H%M%SZ")
        headers = {
            "content-type": "application/json",
            "host": urlsplit(house.endpoint_url).netloc,
            "x-amz-date": time,
            "x-amz-x509": base64.b64encode(der(self.certificate)).decode(),
        }
        if self.chain:
            headers["x-amz-x509-chain"] = ",".join(base64.b64encode(der(one)).decode() for one in self.chain)
        text = "&".join(f"{quote(name, safe='')}={quote(query[name], safe='')}" for name in sorted(query))
        names = ";".join(sorted(headers))
        lines = [f"{name}:{headers[name]}" for name in sorted(headers)]
        canonical = "\n".join([*place, text, *lines, "", names, hashlib.sha256(raw).hexdigest()])
        algorithm = "AWS4-X509-RSA-SHA256" if isinstance(self.key, rsa.RSAPrivateKey) else "AWS4-X509-ECDSA-SHA256"
        scope = f"{time[:8]}/{house.region}/rolesanywhere/aws4_request"
        to_sign = f"{algorithm}\n{time}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}".encode()
        credential = f"{self.certificate.serial_number}/{scope}"
        signature = self.sign(to_sign).hex()
        headers["authorization"] = f"{algorithm} Credential={credential}, SignedHeaders={names}, Signature={signature}"
        return {"query": text, "headers": headers, "body": raw, "place": place}

    def sign(self, text):
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(text, ec.ECDSA(hashes.SHA256()))


def send(house, sent):
    where = urlsplit(house.endpoint_url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
    try:
        method, path = sent["place"]
        connection.request(method, f"{path}?{sent['query']}", sent["body"], sent["headers"])
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


class Setup:
    """An anchor, a role that trusts the service, and a profile that lists the role; all enabled."""

    def __init__(self, house, authority, name, *, statement=None, role=None, **profile):
        self.client, self.iam = house.client("rolesanywhere"), house.client("iam")
        trust = statement or {
            "Effect": "Allow",
            "Principal": {"Service": "rolesanywhere.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        self.role = role or self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        source = {
            "sourceType": "CERTIFICATE_BUNDLE",
            "sourceData": {"x509CertificateData": pem(authority.certificate)},
        }
        made = self.client.create_trust_anchor(name=name, source=source, enabled=True)["trustAnchor"]
        self.anchor, self.anchor_id = made["trustAnchorArn"], made["trustAnchorId"]
        made = self.client.create_profile(name=name, roleArns=[self.role], enabled=True, **profile)["profile"]
        self.profile, self.profile_id = made["profileArn"], made["profileId"]


def credential_process():
    """Prints what the credential_process of a profile prints, for the arguments of AWS's helper."""
    parser = argparse.ArgumentParser()
    for name in ("certificate", "private-key", "trust-anchor-arn", "profile-arn", "role-arn", "endpoint", "region"):
        parser.add_argument(f"--{name}", required=True)
    asked = parser.parse_args()
    host = object.__new__(Host)
    with open(asked.certificate, "rb") as file:
        host.certificate, host.chain = x509.load_pem_x509_certificate(file.read()), ()
    with open(asked.private_key, "rb") as file:
        host.key = serialization.load_pem_private_key(file.read(), None)
    house = SimpleNamespace(endpoint_url=asked.endpoint, region=asked.region)
    setup = SimpleNamespace(profile=asked.profile_arn, role=asked.role_arn, anchor=asked.trust_anchor_arn)
    _, answer = host.sign_in(house, setup)
    found = answer["credentialSet"][0]["credentials"]
    names = ("accessKeyId", "secretAccessKey", "sessionToken", "expiration")
    print(json.dumps({"Version": 1} | {name[0].upper() + name[1:]: found[name] for name in names}))


if __name__ == "__main__":
    credential_process()
