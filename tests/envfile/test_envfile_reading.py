"""What is in a .env file, and in exports: read as their owners read them, and refused by line."""

import io
import json
import string

import pytest
from dotenv import dotenv_values
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from keystead.envfile import databases, exporting, references
from keystead.envfile.reading import NotReadable, read

SHAPES = {
    "plain": "A=1\nB=two\n",
    "export and spaces": "export A = 1\n  B= two  \n",
    "quotes": "A='one two'\nB=\"three\\nfour\"\nC='it\\'s'\n",
    "comments": "# head\nA=1 # tail\nB='# not one'\nC=#neither\n",
    "many lines": 'KEY="-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"\nA=1\n',
    "empty values": "A=\nB=''\nC\nD=1\n",
    "references": "HOST=db\nPORT=5432\nURL=http://${HOST}:${PORT}/${NONE:-x}\n",
    "twice": "A=1\nA=2\n",
    "windows": "A=1\r\nB=2\r\n",
    "byte order mark": "\ufeffA=1\nB=2\n",
    "equals inside": "A=b=c==\nURL=postgres://u:p@h/d?a=b\n",
    "other alphabets": "A=Grüße\nB=日本\n",
    "no end of line": "A=1\nB=2",
    "dollars": "A=$HOME\nB='pa$$word'\n",
    "hashes in values": "A=abc#def\nB=abc #def\nC='x # y'\nD=\"x # y\" # tail\n",
    "urls": "A=https://u:p%40x@h.example:8443/p?q=1&r=%20#frag\nB=amqp://g:g@mq//v\n",
    "json in one line": 'A={"a": [1, "two"], "b": {}}\nB=\'{"c": 1}\'\nC="{\\"d\\": 1}"\n',
    "base64": "A=QUJDREVGR0g=\nB=c2VjcmV0Cg==\nC='++//=='\n",
    "windows paths": "A=C:\\Users\\app\nB='C:\\new\\table'\nC=\"C:\\new\\table\"\n",
    "escapes": 'A="a\\tb\\rc\\\\d\\"e"\nB=\'a\\tb\'\nC=a\\nb\n',
    "other quotes inside": 'A="it\'s"\nB=\'say "x"\'\nC=it\'s\nD=say "x" y\n',
    "backticks": 'A=`date`\nB=$(date)\nC="`x`"\n',
    "tabs and blanks": "\tA\t=\t1\t\n   \n\n B = 2 \n",
    "blank values with comments": "A= # nothing\nB='' # nothing\nC=\"\"\n",
    "lower case, dots and hyphens": "db.host=x\nsome-name=y\nmixed_Case1=z\n",
    "certificates": "A='-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'\nB=\"one\\ntwo\"\n",
    "old line ends": "A=1\rB=2\r",
    "defaults": "A=${NONE:-x}\nB=${NONE}\nC=${A}${A}\nD='${A}'\nE=\"${A}-$A\"\nF=\\${A}\n",
    "later names": "A=${B}\nB=1\nC=${B}\n",
    "itself": "A=1\nA=${A}2\nPATHLIKE=${PATHLIKE}:/x\n",
    "exports in all ways": "export A=1\nexport  B=2\nexport\tC=3\nexport D\nexportE=5\n",
    "comments in all places": "#A=0\n  # B=0\nA=1 #\nB=2#\nC=#\n# end",
    "colons are no assignment": "A=b: c\nB=12:30:00\nC=a,b;c|d&e\n",
    "emoji and accents": "A=ключ🔑\nB='à la carte'\n",
    "numbers and truth": "A=0x1F\nB=1e3\nC=True\nD=null\nE=-1.5\n",
    "long": "A=" + "x" * 5000 + "\nB=1\n",
}


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / ".env"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("shape", SHAPES)
def test_values_are_those_that_python_dotenv_reads(file, shape):
    found = {entry.name: entry.value for entry in read(file(SHAPES[shape]))}

    assert found == by_its_owner(SHAPES[shape])


def by_its_owner(text):
    """python-dotenv's own reading of the file."""
    read_by_it = dotenv_values(stream=io.StringIO(text, newline=None))
    return {name: value for name, value in read_by_it.items() if value is not None}


pieces = st.sampled_from(
    ["A", "B", "c.d", "=", " = ", "'", '"', "\\", "\\n", "#", " #", "\n", "\r\n", "$", "${A}", "${B:-x}", "export ", " ", "\t", "é", "x", "0", "{", "}"]
)  # fmt: skip  # a list


@settings(max_examples=400)
@given(text=st.lists(pieces, max_size=25).map("".join))
def test_whatever_is_read_is_what_python_dotenv_reads(text, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.env"
    path.write_bytes(text.encode())
    try:
        found = {entry.name: entry.value for entry in read(path)}
    except NotReadable as refused:
        assert "line" in str(refused)  # noqa: PT017  # both ways are right
        return

    assert found == by_its_owner(text)


@settings(max_examples=150)
@given(values=st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,6}", fullmatch=True), st.text(max_size=30), max_size=5))
def test_what_is_exported_is_read_again_by_python_dotenv(values):
    values = {name: value.encode("utf-8", "replace").decode() for name, value in values.items()}
    assume(not any("${" in value or "\0" in value or "\r" in value for value in values.values()))

    assert by_its_owner(exporting.rendered(exporting.Format.dotenv, values, "app")) == values


def test_a_value_that_refers_to_others_keeps_its_template(file):
    (_, url) = read(file("HOST=db\nURL=http://${HOST}/\n"))

    assert (url.value, url.template) == ("http://db/", "http://${HOST}/")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("A=1\nB='open hunter2\nC=2\n", "2"),
        ("A=1\n\n==hunter2\n", "2"),
        (b"A=1\nB=hunter2\xff\n", "2"),
        ("A=1\n'B C'=hunter2\n", "2"),
        ("A=1\nGRÜSSE=hunter2\n", "2"),
        ("A=1\nB=hunter2\0\n", "2"),
    ],
)
def test_what_is_broken_is_told_by_its_line_and_never_shown(file, content, line):
    with pytest.raises(NotReadable) as refused:
        read(file(content))

    assert f"line {line}" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "document",
    [
        {"SecretValues": [{"Name": "app/prod/API_TOKEN", "SecretString": "s"}]},
        {"Parameters": [{"Name": "/app/prod/api-token", "Type": "SecureString", "Value": "s"}]},
        {"data": {"data": {"API_TOKEN": "s"}, "metadata": {}}},
        {"data": {"API_TOKEN": "s"}},
    ],
)
def test_exports_of_others_are_read(file, document):
    (entry,) = read(file(json.dumps(document)))

    assert (entry.name, entry.value, entry.secret) == ("API_TOKEN", "s", True)


def test_what_an_export_kept_in_the_open_is_told_apart(file):
    listed = [{"Name": f"/a/{kind}", "Type": kind, "Value": "v"} for kind in ("String", "StringList", "SecureString")]

    assert [entry.secret for entry in read(file(json.dumps({"Parameters": listed})))] == [False, False, True]


@pytest.mark.parametrize(
    "document",
    [
        {"SecretValues": [{"Name": "b", "SecretBinary": "hunter2="}]},
        {"SecretValues": [{"Name": "a/X", "SecretString": "hunter2"}, {"Name": "b/X", "SecretString": "hunter3"}]},
        {"SecretValues": [{"SecretString": "hunter2"}]},
        {"SecretValues": ["hunter2"]},
        {"Parameters": [{"Name": "/a/b", "Type": "String", "Value": 3}, {"Name": "/a/c"}]},
        {"Parameters": [{"Name": "/a/b-c", "Value": "hunter2"}, {"Name": "/a/b_c", "Value": "hunter2"}]},
        {"data": {"data": {"a name": "hunter2"}}},
        {"data": {"A": "hunter2\0"}},
    ],
)
def test_of_an_export_nothing_is_left_out_in_silence(file, document):
    with pytest.raises(NotReadable) as refused:
        read(file(json.dumps(document)))

    assert "hunter" not in str(refused.value)


@pytest.mark.parametrize("content", ['{"a": hunter2}', '{"a": 1}', '{"data": 3}'])
def test_other_json_is_refused(file, content):
    with pytest.raises(NotReadable) as refused:
        read(file(content))

    assert "hunter2" not in str(refused.value)


texts = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=30)


@given(values=st.dictionaries(st.text(string.ascii_uppercase + "_", min_size=1, max_size=8), texts, max_size=6))
def test_a_reference_file_gives_back_what_was_put_in(values, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "round.ref"
    path.write_bytes(references.render(values).encode())

    assert references.load(path) == values


@given(
    user=st.text(min_size=1, max_size=8),
    password=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    database=st.text(string.ascii_letters + "é /%", max_size=8),
    scheme=st.sampled_from(["postgresql", "postgres", "mysql", "redis", "postgresql+asyncpg", "mysql+pymysql"]),
)
def test_a_database_url_is_built_from_its_parts_again(user, password, database, scheme):
    user = user.encode("utf-8", "replace").decode()
    secret = {
        "engine": "x",
        "host": "db.example",
        "port": 1234,
        "username": user,
        "password": password,
        "dbname": database,
        "url_scheme": scheme,
    }
    url = databases.url_of(secret)

    assert databases.split(url) | {"engine": "x"} == secret
    assert databases.url_of(databases.split(url)) == url


@pytest.mark.parametrize(
    "url", ["postgres://h/d", "postgres://u@h/d", "https://u:p@h/", "postgres://u:p@a,b/d", "postgres://u:p@[::1/d", ""]
)
def test_what_is_no_database_with_a_password_is_not_split(url):
    assert databases.split(url) is None
