"""Each refusal of a signature in AWS's order and words, in the names of both protocols."""

import time
from itertools import combinations

import pytest

from keystead.wire.errors import Refused, Unreadable
from keystead.wire.http import Request

NOW = 1_440_938_160.0  # 2015-08-30T12:36:00Z
TIME = b"20150830T123600Z"
SIGNATURE = b"a" * 64
NAMES = {
    #  finding       json 1.1                                        query                                       source: recorded AWS answers
    "wrong":     {"json": ("InvalidSignatureException", 400),           "query": ("SignatureDoesNotMatch", 403)},
    "malformed": {"json": ("IncompleteSignatureException", 400),        "query": ("IncompleteSignature", 400)},
    "missing":   {"json": ("MissingAuthenticationTokenException", 400), "query": ("MissingAuthenticationToken", 403)},
}  # fmt: skip  # a table
HOST = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
HEADER_REQUIRES = "Authorization header requires"
NO_DATE = f"{HEADER_REQUIRES} existence of either a 'X-Amz-Date' or a 'Date' header."
both = pytest.mark.parametrize("protocol", ["json", "query"])


class Draft:
    """A request whose signature is in order but for the signature itself, to be spoilt."""

    def __init__(self, **spoilt):
        self.path = b"/"
        self.query = b""
        self.algorithm = b"AWS4-HMAC-SHA256"
        self.parts = {
            b"Credential": b"AKIDEXAMPLE/20150830/us-east-1/kms/aws4_request",
            b"SignedHeaders": b"host;x-amz-date",
            b"Signature": SIGNATURE,
        }
        self.headers = {b"host": b"example.amazonaws.com", b"x-amz-date": TIME}
        self.authorization = None
        self.more = []
        self.apply(**spoilt)

    def apply(self, parts=None, headers=None, **plain):
        for known, given in ((self.parts, parts), (self.headers, headers)):
            for name, value in (given or {}).items():
                known.pop(name, None)
                if value is not None:
                    known[name] = value
        for name, value in plain.items():
            setattr(self, name, value)

    def header(self):
        listed = b", ".join(name + b"=" + value if value != b"bare" else name for name, value in self.parts.items())
        return self.algorithm + b" " + listed if self.authorization is None else self.authorization

    def request(self):
        header = self.header()
        headers = [*self.headers.items(), *([(b"authorization", header)] if header else []), *self.more]
        return Request("POST", self.path, self.query, tuple(headers), b"{}")


ROWS = [
    #  what is wrong            how it is made so                                              finding      text; {header} is the header sent
    ("path",           {"path": b"/%zz"},                                                      None, None),
    ("both forms",     {"query": b"X-Amz-Algorithm=AWS4-HMAC-SHA256"},                         "wrong", None),
    ("nothing",        {"authorization": b""},                                                 "missing", "Request is missing Authentication Token"),
    ("algorithm",      {"algorithm": b"AWS4-ECDSA-P256-SHA256"},                               "malformed", "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."),
    ("no equal sign",  {"parts": {b"stray": b"bare"}},                                         "malformed", "'stray' not a valid key=value pair (missing equal-sign) in Authorization header: '{header}'"),
    ("no signature",   {"parts": {b"Signature": None}},                                        "malformed", f"{HEADER_REQUIRES} 'Signature' parameter. Authorization={{header}}"),
    ("host unsigned",  {"parts": {b"SignedHeaders": b"x-amz-date"}},                           "wrong", HOST),
    ("time",           {"headers": {b"x-amz-date": b"yesterday"}},                             "malformed", "Date must be in ISO-8601 'basic format'. Got 'yesterday'."),
    ("expired",        {"headers": {b"x-amz-date": b"20150830T123059Z"}},                      "wrong", "Signature expired: 20150830T123059Z is now earlier than 20150830T123100Z (20150830T123600Z - 5 min.)"),
    ("five parts",     {"parts": {b"Credential": b"AKIDEXAMPLE/20150830/us-east-1/kms"}},      "malformed", "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIDEXAMPLE/20150830/us-east-1/kms'"),
    ("region",         {"parts": {b"Credential": b"A/20150830/nowhere/kms/aws4_request"}},     "wrong", "Credential should be scoped to a valid region, not 'nowhere'. "),
]  # fmt: skip  # a table
MORE = [
    ("all parts",      {"authorization": b"AWS4-HMAC-SHA256 "},                                "malformed", f"{HEADER_REQUIRES} 'Credential' parameter. {HEADER_REQUIRES} 'Signature' parameter. {HEADER_REQUIRES} 'SignedHeaders' parameter. Authorization={{header}}"),
    ("all and date",   {"authorization": b"AWS4-HMAC-SHA256 ", "headers": {b"x-amz-date": None}}, "malformed", f"{HEADER_REQUIRES} 'Credential' parameter. {HEADER_REQUIRES} 'Signature' parameter. {HEADER_REQUIRES} 'SignedHeaders' parameter. {NO_DATE} Authorization={{header}}"),
    ("no date",        {"headers": {b"x-amz-date": None}},                                     "malformed", f"{NO_DATE} Authorization={{header}}"),
    ("other scheme",   {"authorization": b"Bearer x"},                                         "malformed", "Unsupported AWS 'algorithm': 'Bearer'."),
    ("version 2",      {"authorization": b"AWS AKIDEXAMPLE:x"},                                "malformed", "Unsupported AWS 'algorithm': 'AWS'."),
    ("part twice",     {"authorization": b"AWS4-HMAC-SHA256 Credential=a, Credential=b"},      "malformed", "'Credential' is given more than once in Authorization header."),
    ("early",          {"headers": {b"x-amz-date": b"20150830T124101Z"}},                      "wrong", "Signature not yet current: 20150830T124101Z is still later than 20150830T124100Z (20150830T123600Z + 5 min.)"),
    ("no such day",    {"headers": {b"x-amz-date": b"20150230T123600Z"}},                      "malformed", "Date must be in ISO-8601 'basic format'. Got '20150230T123600Z'."),
    ("HTTP date",      {"headers": {b"x-amz-date": b"Sun, 30 Aug 2015"}},                      "malformed", "Date must be in ISO-8601 'basic format'. Got 'Sun, 30 Aug 2015'."),
    ("service",        {"parts": {b"Credential": b"A/20150830/us-east-1/sts/aws4_request"}},   "wrong", "Credential should be scoped to correct service: 'kms'. "),
    ("terminator",     {"parts": {b"Credential": b"A/20150830/us-east-1/kms/aws3_request"}},   "wrong", "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws3_request'. "),
    ("day",            {"parts": {b"Credential": b"A/20150831/us-east-1/kms/aws4_request"}},   "wrong", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150831' != '20150830', from '20150830T123600Z'."),
    ("whole scope",    {"parts": {b"Credential": b"A/1/nowhere/sts/x"}},                       "wrong", "Credential should be scoped to a valid region, not 'nowhere'. Credential should be scoped to correct service: 'kms'. Credential should be scoped with a valid terminator: 'aws4_request', not 'x'. Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '1' != '20150830', from '20150830T123600Z'."),
    ("order of names", {"parts": {b"SignedHeaders": b"x-amz-date;host"}},                      "wrong", "SignedHeaders must be lower case, sorted, and each named once."),
    ("names twice",    {"parts": {b"SignedHeaders": b"host;host;x-amz-date"}},                 "wrong", "SignedHeaders must be lower case, sorted, and each named once."),
    ("upper case",     {"parts": {b"SignedHeaders": b"X-Extra;host;x-amz-date"}},              "wrong", "SignedHeaders must be lower case, sorted, and each named once."),
    ("absent",         {"parts": {b"SignedHeaders": b"host;x-amz-date;x-extra"}},              "wrong", "A 'SignedHeader' is absent from the request."),
    ("two headers",    {"more": [(b"authorization", b"AWS4-HMAC-SHA256 Credential=a")]},       "wrong", None),
]  # fmt: skip  # a table
UNSIGNED = [
    (b"x-amz-target", b"TrentService.ScheduleKeyDeletion"),
    (b"x-amz-security-token", b"token"),
    (b"x-amz-content-sha256", b"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
    (b"x-amz-copy-source", b"/bucket/key"),
    (b"x-amz-meta-anything", b"x"),
    (b"content-type", b"application/x-amz-json-1.1"),
]
REPEATED = [b"host", b"x-amz-date", b"x-amz-target", b"x-amz-security-token", b"content-type", b"x-amz-meta-anything"]


def refused(read, request, protocol):
    with pytest.raises(Refused) as caught:
        read(request, now=NOW, protocol=protocol)
    return caught.value


def expected(draft, finding, text, protocol):
    code, status = NAMES[finding][protocol]
    return code, text and text.replace("{header}", draft.header().decode()), status


@both
@pytest.mark.parametrize(
    ("what", "spoilt", "finding", "text"),
    ROWS[1:] + MORE,
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)
def test_a_spoilt_signature_is_refused_in_awss_words(read, protocol, what, spoilt, finding, text):
    draft = Draft(**spoilt)

    error = refused(read, draft.request(), protocol)

    assert (error.code, error.text, error.status) == expected(draft, finding, text, protocol)


@pytest.mark.parametrize("path", [b"/%zz", b"/%", b"/a%f", b"relative", b"*", b"", b"/..", b"/a/../../b", b"host:443"])
def test_a_path_that_cannot_be_read_in_one_way_is_unreadable(read, path):
    with pytest.raises(Unreadable):
        read(Draft(path=path).request(), now=NOW)


def test_a_bad_escape_in_the_query_is_unreadable(read):
    with pytest.raises(Unreadable):
        read(Draft(query=b"a=%zz").request(), now=NOW)


PAIRS = [
    (first, second)
    for first, second in combinations(range(len(ROWS)), 2)
    if not (ROWS[first][0] == "nothing" or (ROWS[second][0] == "nothing" and first > 0))
    and {ROWS[first][0], ROWS[second][0]} not in ({"time", "expired"}, {"five parts", "region"})
]


@both
@pytest.mark.parametrize(
    ("first", "second"), PAIRS, ids=[f"{ROWS[one][0]} before {ROWS[two][0]}" for one, two in PAIRS]
)
def test_of_two_faults_the_one_that_aws_finds_first_is_named(read, protocol, first, second):
    draft = Draft(**ROWS[second][1])
    draft.apply(**ROWS[first][1])
    finding, text = ROWS[first][2:]

    error = refused(read, draft.request(), protocol)

    if finding is None:
        assert isinstance(error, Unreadable)
    else:
        assert (error.code, error.text, error.status) == expected(draft, finding, text, protocol)


@both
@pytest.mark.parametrize(("name", "value"), UNSIGNED)
def test_what_changes_the_meaning_must_be_signed(read, protocol, name, value):
    error = refused(read, Draft(headers={name: value}).request(), protocol)

    assert error.code == NAMES["wrong"][protocol][0]
    assert error.text == f"'{name.decode()}' must be a 'SignedHeader' in the AWS Authorization."


def test_the_header_that_dates_the_request_must_be_signed(read):
    draft = Draft(headers={b"x-amz-date": None, b"date": TIME}, parts={b"SignedHeaders": b"host"})

    assert refused(read, draft.request(), "json").text == "'date' must be a 'SignedHeader' in the AWS Authorization."


def test_a_date_header_beside_x_amz_date_need_not_be_signed(read):
    assert read(Draft(headers={b"date": b"Sun, 30 Aug 2015 12:36:00 GMT"}).request(), now=NOW)


@both
@pytest.mark.parametrize("name", REPEATED)
def test_a_header_that_decides_comes_once(read, protocol, name):
    draft = Draft(more=[(name, b"a"), (name, b"b")])

    error = refused(read, draft.request(), protocol)

    assert error.code == NAMES["malformed"][protocol][0]


@pytest.mark.parametrize(
    "claimed",
    [
        b"UNSIGNED-PAYLOAD",
        b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        b"STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        b"",
        b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ],
)
def test_a_claimed_hash_that_is_not_the_bodys_is_refused(read, claimed):
    draft = Draft(
        headers={b"x-amz-content-sha256": claimed}, parts={b"SignedHeaders": b"host;x-amz-content-sha256;x-amz-date"}
    )

    assert refused(read, draft.request(), "json").code == "InvalidSignatureException"


@both
@pytest.mark.parametrize(
    ("protocol_window", "offset", "good"),
    [
        (300, 300, True),
        (300, 301, False),
        (900, 900, True),
        (900, 901, False),
        (300, -300, True),
        (300, -301, False),
        (900, -900, True),
        (900, -901, False),
    ],
)
def test_the_clock_may_be_off_by_the_window_and_no_more(read, protocol, protocol_window, offset, good):
    request = Draft().request()

    if good:
        assert read(request, now=NOW + offset, protocol=protocol, window=float(protocol_window))
    else:
        with pytest.raises(Refused, match=NAMES["wrong"][protocol][0]):
            read(request, now=NOW + offset, protocol=protocol, window=float(protocol_window))


def test_what_is_repeated_of_the_header_is_bounded(read):
    draft = Draft(authorization=b"AWS4-HMAC-SHA256 " + b"x" * 60_000)

    assert len(refused(read, draft.request(), "json").text) < 2_000


def test_spacing_and_order_of_the_parts_are_free(read):
    draft = Draft()
    header = b"AWS4-HMAC-SHA256 Signature=%b,SignedHeaders=%b,  Credential=%b" % (
        SIGNATURE, draft.parts[b"SignedHeaders"], draft.parts[b"Credential"],
    )  # fmt: skip  # one line of three parts

    assert read(Draft(authorization=header).request(), now=NOW) == read(draft.request(), now=NOW)


def test_the_time_of_now_is_now(read):
    written = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(NOW)).encode()

    assert written == TIME
    assert read(Draft().request(), now=NOW).signed_at == NOW
