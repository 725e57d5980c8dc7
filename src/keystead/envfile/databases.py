"""Database URLs and the JSON of a database secret: each made from the other, so that what rotates can still be one variable.

    postgresql+asyncpg://app:p%40ss@db.example:5432/shop?sslmode=require
    {"engine": "postgres", "host": "db.example", "port": 5432, "username": "app", "password": "p@ss", "dbname": "shop",
     "url_scheme": "postgresql+asyncpg", "url_query": "sslmode=require"}

The first six members are AWS's (Secrets Manager user guide, JSON structure of database secrets); the last two are ours, and
rotation leaves them alone.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

ENGINES: Final = {
    #  scheme       engine and port
    "postgres":   ("postgres", 5432),
    "postgresql": ("postgres", 5432),
    "mysql":      ("mysql", 3306),
    "mariadb":    ("mariadb", 3306),
    "redis":      ("redis", 6379),
    "rediss":     ("redis", 6379),
}  # fmt: skip  # a table


def split(url: str) -> dict[str, Any] | None:
    """The secret's JSON; None for what is not the URL of a database with a password and one host."""
    try:
        parts = urlsplit(url)
        engine, default = ENGINES.get(parts.scheme.partition("+")[0], ("", 0))
        port = parts.port or default
    except ValueError:
        return None
    if not engine or not parts.password or not parts.hostname or "," in parts.netloc or parts.fragment:
        return None
    made = {
        "engine": engine,
        "host": parts.hostname,
        "port": port,
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password),
        "dbname": unquote(parts.path.removeprefix("/")),
        "url_scheme": parts.scheme,
    }
    return made | ({"url_query": parts.query} if parts.query else {})


def url_of(secret: Mapping[str, Any]) -> str:
    """The URL, built anew. Raises KeyError for JSON that is not a database secret's."""
    host = str(secret["host"])
    scheme = secret.get("url_scheme") or {"postgres": "postgresql"}.get(secret["engine"], secret["engine"])
    user = f"{quote(str(secret.get('username', '')), safe='')}:{quote(str(secret['password']), safe='')}"
    place = f"[{host}]" if ":" in host else host
    query = f"?{secret['url_query']}" if secret.get("url_query") else ""
    return f"{scheme}://{user}@{place}:{secret['port']}/{quote(str(secret.get('dbname', '')), safe='')}{query}"
