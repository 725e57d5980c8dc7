"""What is in a .env file, and in exports: read as their owners read them, and refused by line."""

import io
import json
import string

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from keystead.envfile import databases, references
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

    read_by_it = dotenv_values(stream=io.StringIO(SHAPES[shape], newline=None))
    assert found == {name: value for name, value in read_by_it.items() if value is not None}


def test_a_value_that_refers_to_others_keeps_its_template(file):
    (_, url) = read(file("HOST=db\nURL=http://${HOST}/\n"))

    assert (url.value, url.template) == ("http://db/", "http://${HOST}/")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("A=1\nB='open hunter2\nC=2\n", "2"),
        ("A=1\n\n==hunter2\n", "2"),
        (b"A=1\nB=hunter2\xff\n", "2"),
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
        {"SecretValues": [{"Name": "app/prod/API_TOKEN", "SecretString": "s"}, {"Name": "b", "SecretBinary": "eA=="}]},
        {"Parameters": [{"Name": "/app/prod/api-token", "Type": "SecureString", "Value": "s"}]},
        {"data": {"data": {"API_TOKEN": "s"}, "metadata": {}}},
        {"data": {"API_TOKEN": "s"}},
    ],
)
def test_exports_of_others_are_read(file, document):
    (entry,) = read(file(json.dumps(document)))

    assert (entry.name, entry.value, entry.secret) == ("API_TOKEN", "s", True)


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
