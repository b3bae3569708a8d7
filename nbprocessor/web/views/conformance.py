"""The conformance declaration as a table."""

from typing import Any

from nbprocessor.web.views import Page


def view(page: Page) -> dict[str, Any]:
    """Show OGC's confClasses: the class and the standard's part are read off the URI."""
    return {"classes": [_class(str(uri)) for uri in page.data.get("conformsTo") or ()]}


def _class(uri: str) -> dict[str, str]:
    standard, _, name = uri.partition("/conf/")
    return {"uri": uri, "name": name or uri, "standard": standard.partition("/spec/")[2] or standard}
