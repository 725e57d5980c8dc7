"""Random values for the shapes of AWS's models, and functions that stand in for operations that nobody has written."""

import re
import string
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any

from keystead.wire import binding, model
from keystead.wire.model import Shape
from keystead.wire.patterns import compiled, translate
from keystead.wire.shapes import field_name

SERVICES = ("kms", "iam", "sts", "cloudtrail", "secretsmanager", "ssm")
TEXTS = ("a", "plain", "with blank", " outer ", "é", "漢字", "😀", "<&>\"'", "tab\tline\nreturn\r", "x" * 300, "")
START, END = datetime(2001, 1, 1, tzinfo=UTC).timestamp(), datetime(2099, 1, 1, tzinfo=UTC).timestamp()
parser = re._parser
DIGITS, WORDS, SPACES = string.digits, string.ascii_letters + string.digits + "_", " "
CATEGORIES = {
    "CATEGORY_DIGIT": DIGITS,
    "CATEGORY_WORD": WORDS,
    "CATEGORY_SPACE": SPACES,
    "CATEGORY_NOT_SPACE": WORDS,
    "CATEGORY_NOT_DIGIT": string.ascii_letters,
    "CATEGORY_NOT_WORD": "-",
}


class NoMatch(Exception):
    """Tries did not find a text of that pattern and length."""


class Sampler:
    """Values that a model's constraints allow (`valid`), or that its types allow (`answer`)."""

    def __init__(self, seed: int, depth: int = 6) -> None:
        self.random = Random(seed)  # noqa: S311  # tests that can be repeated
        self.depth = depth

    def valid(self, shape: Shape, depth: int = 0) -> Any:
        """As boto3 takes them: moments as datetimes, blobs as bytes."""
        return getattr(self, f"_{shape.type}")(shape, depth, True)

    def answer(self, shape: Shape, depth: int = 0) -> Any:
        """As operations answer: moments as seconds."""
        return getattr(self, f"_{shape.type}")(shape, depth, False)

    def _any(self, shape: Shape, depth: int, valid: bool) -> Any:
        return self.valid(shape, depth) if valid else self.answer(shape, depth)

    def _structure(self, shape: Shape, depth: int, valid: bool) -> dict[str, Any]:
        members = list(shape.members.items())
        if shape.union:
            members = [self.random.choice(members)]
        found = {}
        for name, held in members:
            needed = name in shape.required or shape.union or "idempotencyToken" in held._traits
            if needed or (depth < self.depth and self.random.random() < 0.6):
                found[name] = self._any(held, depth + 1, valid)
        if members and not found and depth:  # a form cannot say that a structure is there and empty
            name, held = members[0]
            found[name] = self._any(held, depth + 1, valid)
        return found

    def _list(self, shape: Shape, depth: int, valid: bool) -> list[Any]:
        return [self._any(shape.member, depth + 1, valid) for _ in range(self._count(shape, depth, valid))]

    def _map(self, shape: Shape, depth: int, valid: bool) -> dict[Any, Any]:
        count = max(self._count(shape, depth, valid), int(valid))  # a form cannot say that a map is there and empty
        return {self._any(shape.key, depth + 1, valid): self._any(shape.value, depth + 1, valid) for _ in range(count)}

    def _count(self, shape: Shape, depth: int, valid: bool) -> int:
        least = int(shape.min or 0) if valid else 0
        if depth >= self.depth:
            return least
        most = min(int(shape.max), least + 3) if valid and shape.max is not None else least + 3
        return self.random.randint(least, most)

    def _string(self, shape: Shape, _: int, valid: bool) -> str:
        if shape.enum:
            return self.random.choice(shape.enum)
        if shape.name == "policyDocumentType" and not valid:
            return "%7Bno json"  # botocore decodes what looks like a policy
        if not valid:
            return self.random.choice(TEXTS)
        least, most = int(shape.min or 0), int(shape.max if shape.max is not None else 10_000)
        if shape.pattern:
            return self.matching(shape.pattern, least, most)
        text = self.random.choice(TEXTS[:-1]) * (least + 1)
        return text[: max(least, min(most, 400))]

    def matching(self, java: str, least: int, most: int) -> str:
        tree = parser.parse(translate(java))
        for attempt in range(400):
            text = self._tree(tree, attempt)[:most]
            if len(text) >= least and compiled(java).search(text):
                return text
        raise NoMatch(java)

    def _tree(self, tree: Any, size: int) -> str:
        return "".join(self._node(str(kind), value, size) for kind, value in tree)

    def _node(self, kind: str, value: Any, size: int) -> str:
        if kind == "LITERAL":
            return chr(value)
        if kind == "NOT_LITERAL":
            return "x" if value != ord("x") else "y"
        if kind == "ANY":
            return self.random.choice(WORDS)
        if kind == "IN":
            return self._of_class(value)
        if kind == "CATEGORY":
            return self.random.choice(CATEGORIES[str(value)])
        if kind == "BRANCH":
            return self._tree(self.random.choice(value[1]), size)
        if kind == "SUBPATTERN":
            return self._tree(value[3], size)
        if kind in {"MAX_REPEAT", "MIN_REPEAT"}:
            least, most, inner = value
            most = min(int(most), int(least) + 2 + size // 2)
            return "".join(self._tree(inner, size) for _ in range(self.random.randint(int(least), most)))
        return ""  # anchors and looks: what they ask for is checked by matching the whole

    def _of_class(self, items: Any) -> str:
        negated = str(items[0][0]) == "NEGATE"
        if negated:
            allowed = [c for c in WORDS + " -/.:" if not any(holds(str(k), v, ord(c)) for k, v in items[1:])]
            return self.random.choice(allowed)
        kind, value = self.random.choice(items)
        if str(kind) == "RANGE":
            return chr(self.random.randint(value[0], min(value[1], value[0] + 200)))
        return self._node(str(kind), value, 0)

    def _blob(self, shape: Shape, _: int, valid: bool) -> bytes:
        least = int(shape.min or 0) if valid else 0
        most = int(shape.max if valid and shape.max is not None else 64)
        return self.random.randbytes(self.random.randint(least, min(most, least + 64)))

    def _boolean(self, *_: Any) -> bool:
        return self.random.random() < 0.5

    def _integer(self, shape: Shape, _: int, valid: bool) -> int:
        least = int(shape.min) if valid and shape.min is not None else -1000
        most = int(shape.max) if valid and shape.max is not None else max(least, 0) + 100_000
        return self.random.randint(least, most)

    _long = _integer

    def _float(self, shape: Shape, _: int, valid: bool) -> float:
        return self._integer(shape, 0, valid) / 4

    _double = _float

    def _timestamp(self, shape: Shape, _: int, valid: bool) -> Any:
        at = float(self.random.randint(int(START), int(END)))
        return datetime.fromtimestamp(at, UTC) if valid else at


def holds(kind: str, value: Any, code: int) -> bool:
    if kind == "LITERAL":
        return bool(code == value)
    if kind == "RANGE":
        return bool(value[0] <= code <= value[1])
    return chr(code) in CATEGORIES[str(value)]


def stand_in(operation: model.OperationModel) -> Callable[..., Any]:
    """A function whose signature is the operation's."""
    members = operation.input.members if operation.input else {}
    required = operation.input.required if operation.input else ()
    given = [field_name(name) if name in required else f"{field_name(name)}=None" for name in members]
    signature = ", ".join(["room", "call", *(["*", *given] if given else [])])
    scope: dict[str, Any] = {}
    exec(f"async def {operation.python_name}({signature}): ...", scope)  # noqa: S102  # names of the model
    return scope[operation.python_name]


@cache
def bound(service: str) -> binding.Bound:
    """Every operation of the model, served by nobody."""
    loaded = model.load(service)
    return binding.bind(loaded, [stand_in(one) for one in loaded.operations.values()], refused={})


def as_given(shape: Shape, value: Any) -> Any:
    """What an operation is given for what boto3 took."""
    if isinstance(value, datetime):
        return value.timestamp()
    if shape.type == "structure":
        return {name: as_given(shape.members[name], held) for name, held in value.items()}
    if shape.type == "list":
        return [as_given(shape.member, held) for held in value]
    if shape.type == "map":
        return {key: as_given(shape.value, held) for key, held in value.items()}
    return value
