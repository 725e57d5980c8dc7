"""What an API shows of a stored policy: byte for byte what was given, but the dead go by their unique ids.

Only strings in Principal and NotPrincipal are replaced; the same ARN in a condition stays.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

TOKEN: Final = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|[{}\[\]]')
PLACES: Final = (["Statement", "Principal", "AWS"], ["Statement", "NotPrincipal", "AWS"])


def shown(text: str, ids: Mapping[str, str], alive: Callable[[str], bool]) -> str:
    """`ids`: user and role ARNs with the unique ids they had when the policy was put. Expects a text that `parse` took."""
    dead = {arn: unique_id for arn, unique_id in ids.items() if not (alive(arn) and alive(unique_id))}
    if not dead:
        return text
    made, end = [], 0
    for start, stop, name in principals(text):
        if name in dead:
            made += [text[end:start], json.dumps(dead[name])]
            end = stop
    return "".join([*made, text[end:]])


def principals(text: str) -> Iterator[tuple[int, int, str]]:
    """Where each principal stands: from, to, and what it says."""
    path: list[str] = []
    key = ""
    for token in TOKEN.finditer(text):
        string, colon = token[1], token[2]
        if string is None and token[0] in "{[":
            path.append(key)
            key = ""
        elif string is None:
            path.pop()
            key = ""
        elif colon is not None:
            key = json.loads(string)
        elif [name for name in [*path, key] if name] in PLACES:
            yield token.start(1), token.end(1), json.loads(string)
