"""Parsing that no other thread can disturb, on the Pythons where it can (CPython's gh-106905, mended in 3.11.8 and 3.12).

Hypothesis parses a test's source, and a traceback parses the lines it shows: both count in one place there, and a
collection of garbage in the middle lets the other thread run.
"""

import ast
import functools
import gc
import sys
from typing import Any

if sys.version_info < (3, 11, 8):
    _parse = ast.parse

    @functools.wraps(_parse)
    def parse_undisturbed(*arguments: Any, **named: Any) -> Any:
        enabled = gc.isenabled()
        gc.disable()
        try:
            return _parse(*arguments, **named)
        finally:
            if enabled:
                gc.enable()

    ast.parse = parse_undisturbed
