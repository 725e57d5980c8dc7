"""Configuration or secret: a corpus of names and values as they stand in real projects' files."""

import pytest

from keystead.envfile import kinds, plan
from keystead.envfile.kinds import Kind
from keystead.envfile.reading import Entry

CONFIGURATION, SECRET, DATABASE, UNCLEAR = Kind.CONFIGURATION, Kind.SECRET, Kind.DATABASE, Kind.UNCLEAR
CORPUS = [
    ("PORT", "8080", CONFIGURATION), ("DEBUG", "true", CONFIGURATION), ("LOG_LEVEL", "info", CONFIGURATION),
    ("AWS_REGION", "eu-central-1", CONFIGURATION), ("BASE_URL", "https://example.com/api", CONFIGURATION),
    ("SMTP_HOST", "mail.example.com", CONFIGURATION), ("TOKEN_URL", "https://id.example.com/token", CONFIGURATION),
    ("PASSWORD_MIN_LENGTH", "12", CONFIGURATION), ("JWT_ALGORITHM", "HS256", UNCLEAR), ("SESSION_TTL", "30m", CONFIGURATION),
    ("STRIPE_PUBLISHABLE_KEY", "pk_test_1", UNCLEAR), ("MAIL_FROM", "shop@example.com", CONFIGURATION),
    ("DATA_DIR", "/var/lib/shop", CONFIGURATION), ("NODE_ENV", "production", CONFIGURATION), ("EMPTY", "", CONFIGURATION),
    ("PASSWORD", "hunter2", SECRET), ("DB_PASSWORD", "hunter2", SECRET), ("SECRET_KEY", "x", SECRET), ("API_KEY", "abc", SECRET),
    ("APP_PIN", "1234", SECRET), ("SENTRY_DSN", "https://abc@o1.example.com/1", SECRET), ("JWT_SECRET", "change me", SECRET),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI", SECRET), ("GITHUB", "ghp_" + "a1B2" * 9, SECRET),
    ("SIGNER", "-----BEGIN EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----", SECRET),
    ("X", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", SECRET), ("WEBHOOK", "https://u:pw@hooks.example.com/", SECRET),
    ("NONCE_SEED", "f3b1c09a77e2d4586b9c01de", SECRET), ("GREETING", "Good morning to you all", UNCLEAR),
    ("DATABASE_URL", "postgres://app:pw@db/shop", DATABASE), ("CACHE", "redis://:pw@cache:6379/0", DATABASE),
    ("REPLICA_URL", "mysql+pymysql://app:pw@db2/shop", DATABASE), ("READONLY_URL", "postgres://db/shop", CONFIGURATION),
]  # fmt: skip  # a table


@pytest.mark.parametrize(("name", "value", "kind"), CORPUS, ids=[name for name, _, _ in CORPUS])
def test_each_is_told_apart_and_a_reason_is_given(name, value, kind):
    found = kinds.verdict(Entry(name, value), {})

    assert found.kind is kind, found
    assert found.why
    assert not value or len(value) < 4 or value not in found.why


def test_what_stands_in_the_example_file_is_no_secret():
    assert kinds.verdict(Entry("GREETING", "Good day"), {"GREETING": "Good day"}).kind is CONFIGURATION


def planned(*entries, chosen=None, committed=frozenset()):
    return plan.plan(entries, prefix="shop/prod", key=bytes(32), examples={}, chosen=chosen or {}, committed=committed)


def test_a_plan_shows_no_value():
    made = planned(
        Entry("DB_PASSWORD", "correct horse battery"), Entry("DATABASE_URL", "postgres://a:correct%20horse@h/d")
    )

    assert "correct" not in f"{made}{[item.shown() for item in made]}"


def test_the_same_value_twice_is_one_secret():
    first, second = planned(Entry("A_TOKEN", "correct horse"), Entry("B_TOKEN", "correct horse"))

    assert (first.same_as, second.same_as) == (None, "A_TOKEN")
    assert first.line == second.line == "keystead:secret:shop/prod/A_TOKEN"


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("postgres://app:${DB_PASSWORD}@db/shop", "postgres://app:${DB_PASSWORD}@db/shop"),
        ("${DB_PASSWORD}", "${DB_PASSWORD}"),
        ("postgres://app:hunter2${DB_PASSWORD}@db/shop", "keystead:url:shop/prod/URL_PASSWORD"),
        ("hunter2${DB_PASSWORD}", "keystead:secret:shop/prod/URL_PASSWORD"),
        ("${NONE:-hunter2}", "keystead:secret:shop/prod/URL_PASSWORD"),
    ],
)
def test_a_template_stays_only_where_nothing_in_it_is_secret(template, line):
    value = template.replace("${DB_PASSWORD}", "pw").replace("${NONE:-hunter2}", "hunter2")

    (item,) = planned(Entry("URL_PASSWORD", value, template))

    assert item.line == line


def test_weak_and_committed_values_are_to_be_rotated():
    (item,) = planned(Entry("DB_PASSWORD", "hunter2"), committed={"DB_PASSWORD"})

    assert item.warnings == ("weak: a common word", "in git's history")


def test_somebody_may_decide():
    (item,) = planned(Entry("DB_PASSWORD", "hunter2"), chosen={"DB_PASSWORD": CONFIGURATION})

    assert (item.target, item.verdict.why) == (None, "as you said")


def test_tokens_say_nothing_without_the_key():
    entry = Entry("DB_PASSWORD", "hunter2")
    tokens = {
        plan.plan([entry], prefix="p", key=bytes([one]) * 32, examples={}, chosen={})[0].token for one in range(3)
    }

    assert len(tokens) == 3
