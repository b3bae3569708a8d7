"""One process: what it computes, its inputs and outputs, the run form, and commands that do the same."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nbprocessor.model import Json
from nbprocessor.web import form, snippets
from nbprocessor.web.addresses import link_with, links_of
from nbprocessor.web.formulas import bare, mathml, with_formulas
from nbprocessor.web.markdown import rendered
from nbprocessor.web.schemas import merged, shown, summary
from nbprocessor.web.texts import translate
from nbprocessor.web.views import Page

UI_PARAMETERS = "kommonitorUiParams"
"""Name of KomMonitor's UI parameters in ``additionalParameters``."""


def view(page: Page) -> dict[str, Any]:
    """Show OGC's process."""
    process, language = page.data, page.language
    text = translate(language)
    fields = form.fields(process, language)
    ui = _ui_parameters(process)
    request = form.initial_request(process)
    execution = f"{page.addresses.base_url}/processes/{process['id']}/execution"
    absolute = link_with(process, "execute").partition("?")[0] or execution
    return {
        "process": process,
        "title": str(process.get("title") or process["id"]),
        "keywords": [str(keyword) for keyword in process.get("keywords") or ()],
        "formula": _formula(ui),
        "legend": rendered(re.sub(r"^(?:\s*<br ?/?>)+", "", str(ui["legend"]))) if ui.get("legend") else "",
        "notes": [with_formulas(str(ui[key])) for key in ("calculation_info", "optional_info") if ui.get(key)],
        "groups": form.groups(fields, ui.get("inputBoxes") or (), text("more-inputs")),
        "required": any(field.required for field in fields),
        "inputs": _rows(process.get("inputs"), language),
        "outputs": _rows(process.get("outputs"), language),
        "execution": execution,
        "direct": {"sync-execute", "async-execute"} <= set(process.get("jobControlOptions") or ()),
        "curl": _split(snippets.curl(absolute)),
        "curl_request": snippets.shell_json(request),
        "python": _split(snippets.python(absolute)),
        "python_request": snippets.python_literal(request),
        "notebook": any(link["href"].endswith("/notebook") for link in links_of(process)),
        "faults": [link for link in links_of(process) if link["rel"] == "status"],
        "bbox_names": form.BBOX,
    }


def _ui_parameters(process: Mapping[str, Json]) -> Mapping[str, Json]:
    additional = process.get("additionalParameters")
    parameters = additional.get("parameters") if isinstance(additional, Mapping) else None
    for parameter in parameters if isinstance(parameters, list) else ():
        if isinstance(parameter, Mapping) and parameter.get("name") == UI_PARAMETERS:
            value = parameter.get("value")
            first = value[0] if isinstance(value, list) and value else value
            return first if isinstance(first, Mapping) else {}
    return {}


def _formula(ui: Mapping[str, Json]) -> str:
    """Return the formula as MathML in a line of its own; text with several formulas as it is."""
    source = str(ui.get("formula") or "").strip()
    if not source:
        return ""
    latex, _ = bare(source)
    return with_formulas(source) if "$" in latex else mathml(latex, block=True)


def _rows(described: Json, language: str) -> Sequence[Mapping[str, Any]]:
    """Return one line per input or output for the tables."""
    rows = []
    for name, facts in (described if isinstance(described, Mapping) else {}).items():
        schema = merged(facts.get("schema") or {})
        title, description = str(facts.get("title") or name), str(facts.get("description") or "")
        rows.append(
            {
                "id": name,
                "title": title,
                "description": "" if description == title else description,
                "type": summary(schema, language),
                "default": shown(schema["default"]) if "default" in schema else "",
                "occurs": _occurs(facts, schema),
            }
        )
    return rows


def _occurs(facts: Mapping[str, Json], schema: Mapping[str, Json]) -> str:
    least = facts.get("minOccurs", 0 if "default" in schema else 1)
    most = facts.get("maxOccurs", 1)
    most = "∞" if most == "unbounded" else most
    return str(least) if least == most else f"{least}…{most}"


def _split(snippet: str) -> tuple[str, str]:
    before, _, after = snippet.partition(snippets.PLACE)
    return before, after
