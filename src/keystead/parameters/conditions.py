"""Parameter Store's condition keys, each computed when a policy asks for it (Service Authorization Reference)."""

from collections.abc import Mapping
from typing import Final

from keystead.access.request import Values
from keystead.parameters.parameter import Parameter

RESOURCE_TAGS: Final = ("aws:resourcetag/", "ssm:resourcetag/")
REQUEST_TAG: Final = "aws:requesttag/"

Asked = Mapping[str, Values]
NOTHING: Final[Asked] = {}


class ParameterContext:
    """Keys of one request about a parameter, which need not be there. `asked`: those that come from the request."""

    __slots__ = ("_asked", "_parameter")

    def __init__(self, parameter: Parameter | None, asked: Asked = NOTHING) -> None:
        self._parameter = parameter
        self._asked = asked

    def get(self, name: str, /) -> Values | None:
        if name in self._asked:
            return self._asked[name]
        if self._parameter is None:
            return None
        for prefix in RESOURCE_TAGS:
            if name.startswith(prefix):
                return tag(self._parameter, name[len(prefix) :])
        return None


def tag(parameter: Parameter, wanted: str) -> Values | None:
    return next(((value,) for name, value in parameter.tags.items() if name.lower() == wanted), None)


def asking(**given: bool | None) -> dict[str, Values]:
    """ssm:Overwrite, ssm:Recursive and ssm:Policies; what was not given is absent."""
    return {f"ssm:{name.lower()}": (str(value).lower(),) for name, value in given.items() if value is not None}


def of_tags(tags: Mapping[str, str]) -> dict[str, Values]:
    """aws:RequestTag/… and aws:TagKeys of a request that carries tags; nothing for one that does not."""
    if not tags:
        return {}
    named: dict[str, Values] = {f"{REQUEST_TAG}{name.lower()}": (value,) for name, value in tags.items()}
    return named | {"aws:tagkeys": tuple(tags)}
