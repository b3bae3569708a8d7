"""Regular expressions of schemas, matched in a time that grows with the text only, whatever the expression.

Expressions are an author's, texts are a client's, and the server waits for the match. Python's own ``re`` tries all
ways an expression can match and may need years for thirty characters; pydantic's engine (Rust's ``regex``) never goes
back. It has no look-around and no references to groups, nor has the part of ECMA-262 that JSON Schema recommends.
"""

from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, core_schema


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> SchemaValidator:
    """Return what tells whether a text contains a match (``isinstance_python``).

    Raises:
        ValueError: It is no expression that can be matched in bounded time.
    """
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError as fault:
        lines = [line.removeprefix("error:").strip() for line in str(fault).splitlines() if "error:" in line]
        raise ValueError(lines[-1] if lines else "it is no regular expression") from None


def matches(pattern: str, text: str) -> bool:
    """Tell whether a text contains a match of an expression; ``^`` and ``$`` are its very ends.

    Raises:
        ValueError: As for `compiled`.
    """
    return compiled(pattern).isinstance_python(text)
