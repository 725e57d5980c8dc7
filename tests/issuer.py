"""An OIDC issuer over HTTPS, with an authority of its own, for tests to get real tokens from; it can be made to misbehave."""

import base64
import datetime as dt
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

CONFIGURATION = "/tenant/.well-known/openid-configuration"
KEYS = "/tenant/keys"


def name_of(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(subject, issuer, public, signer, *extensions, days=2):
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name_of(subject))
        .issuer_name(name_of(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=days))
    )
    for extension, critical in extensions:
        made = made.add_extension(extension, critical)
    return made.sign(signer, hashes.SHA256())


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def tls_files(folder):
    """(file of the authority, file of the server's certificate and key for localhost)."""
    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = certificate(
        "tests' authority",
        "tests' authority",
        authority.public_key(),
        authority,
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (x509.SubjectKeyIdentifier.from_public_key(authority.public_key()), False),
    )
    leaf = certificate(
        "localhost",
        "tests' authority",
        server.public_key(),
        authority,
        (x509.SubjectAlternativeName([x509.DNSName("localhost")]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), False),
    )
    (folder / "authority.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    (folder / "server.pem").write_bytes(leaf.public_bytes(serialization.Encoding.PEM) + pem(server))
    return folder / "authority.pem", folder / "server.pem"


class Issuer:
    """`with Issuer(folder) as issuer:` serves https://localhost:PORT/tenant. What it answers can be replaced by path:

    issuer.answers[CONFIGURATION] = (status, headers, body)
    """

    def __init__(self, folder):
        self.authority, server = tls_files(folder)
        self.asked = []
        self.answers = {}
        self.keys = {}
        self.delay = 0.0
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked.append(self.path)
                time.sleep(issuer.delay)
                status, headers, body = issuer.answer(self.path)
                self.send_response(status)
                for header, value in headers.items():
                    self.send_header(header, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """Clients may go before the answer has been written."""

        self.server = Server(("localhost", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(server)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://localhost:{self.server.server_address[1]}/tenant"
        self.new_key("first")

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, path):
        if path in self.answers:
            return self.answers[path]
        if path == CONFIGURATION:
            return 200, {}, json.dumps({"issuer": self.url, "jwks_uri": self.url + "/keys"}).encode()
        if path == KEYS:
            return 200, {}, json.dumps({"keys": [public_jwk(key, kid) for kid, key in self.keys.items()]}).encode()
        return 404, {}, b"{}"

    def new_key(self, kid, kind="RSA"):
        """A new key, known by `kid`, beside those that are there."""
        made = (
            rsa.generate_private_key(public_exponent=65537, key_size=2048)
            if kind == "RSA"
            else ec.generate_private_key(ec.SECP256R1())
        )
        self.keys[kid] = made
        return made

    def claims(self, **more):
        now = int(time.time())
        given = {"iss": self.url, "aud": "app", "sub": "robot", "iat": now, "exp": now + 600} | more
        return {name: value for name, value in given.items() if value is not None}

    def token(self, kid="first", algorithm="RS256", headers=None, **claims):
        """A good token, but for what is said here; a claim of None is left out."""
        return jwt.encode(self.claims(**claims), self.keys[kid], algorithm, {"kid": kid} | (headers or {}))


def public_jwk(key, kid):
    kind = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return kind.to_jwk(key.public_key(), as_dict=True) | {"kid": kid, "use": "sig"}


def encoded(raw):
    """A part of a token."""
    text = raw if isinstance(raw, bytes) else (raw if isinstance(raw, str) else json.dumps(raw)).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()
