"""The file of sinks: what it may say, and what it is told when it says something else."""

import pytest

from keystead.sinks import configuration
from keystead.sinks.configuration import ConfigurationInvalid, FileSink, OpenTelemetrySink, SyslogSink, WebhookSink

GOOD = """
[archive]
type = "file"
path = "/var/log/keystead/trail.json"
required = true

[siem]
type = "webhook"
url = "https://siem.example/keystead"
key_file = "/etc/keystead/siem.key"

[loghost]
type = "syslog"
address = "tls://loghost.example"

[collector]
type = "opentelemetry"
url = "http://127.0.0.1:4318/v1/logs"
queue = 10
"""


def test_every_kind_is_read(tmp_path):
    path = tmp_path / "sinks.toml"
    path.write_text(GOOD)

    sinks = configuration.read(path)

    assert [type(one) for one in sinks.values()] == [FileSink, WebhookSink, SyslogSink, OpenTelemetrySink]
    assert [one.required for one in sinks.values()] == [True, False, False, False]
    assert sinks["collector"].queue == 10


def test_the_file_beside_the_data_is_found_and_none_is_no_sinks(tmp_path):
    assert configuration.path_of(tmp_path, "") is None
    assert configuration.read(None) == {}

    (tmp_path / "sinks.toml").write_text(GOOD)

    assert configuration.path_of(tmp_path, "") == tmp_path / "sinks.toml"
    assert configuration.path_of(tmp_path, "/elsewhere") != tmp_path / "sinks.toml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[x", "sinks.toml"),
        ("[x]\ntype = 'carrier-pigeon'", "carrier-pigeon"),
        ("[x]\ntype = 'file'", "path"),
        ("[x]\ntype = 'file'\npath = '/x'\nunheard = 1", "unheard"),
        ("[x]\ntype = 'file'\npath = 'relative'", "absolute"),
        ("[x]\ntype = 'file'\npath = '/x'\nkeep = -1", "0 or more"),
        ("[X]\ntype = 'file'\npath = '/x'", "small letters"),
        ("['../x']\ntype = 'file'\npath = '/x'", "small letters"),
        ("[x]\ntype = 'file'\npath = '/x'\ntimeout = 0", "timeout"),
        ("[x]\ntype = 'file'\npath = '/x'\nqueue = 0", "queue"),
        ("[x]\ntype = 'file'\npath = '/x'\nrequired = true\ntimeout = 30", "at most"),
        ("[x]\ntype = 'syslog'\naddress = 'udp://h'\nrequired = true", "cannot be required"),
        ("[x]\ntype = 'syslog'\naddress = 'http://h'", "address is"),
        ("[x]\ntype = 'syslog'\naddress = 'udp://h'\nfacility = 24", "facility"),
        ("[x]\ntype = 'webhook'\nurl = 'ftp://h'\nkey_file = '/k'", "url is"),
        ("[x]\ntype = 'webhook'\nurl = 'http://siem.example'\nkey_file = '/k'", "plain HTTP"),
        ("[x]\ntype = 'opentelemetry'\nurl = 'http://collector:4318'", "plain HTTP"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path, text, said):
    path = tmp_path / "sinks.toml"
    path.write_text(text)

    with pytest.raises(ConfigurationInvalid) as raised:
        configuration.read(path)

    assert said in raised.value.text


def test_a_file_that_is_not_there_is_no_sinks_forgotten(tmp_path):
    with pytest.raises(ConfigurationInvalid, match="cannot be read"):
        configuration.read(tmp_path / "none.toml")
