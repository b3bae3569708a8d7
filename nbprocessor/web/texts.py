"""The pages' own texts in German and English: one catalogue, each text once per language, side by side.

Two languages and some hundred short texts need no message files and no compile step; a test holds keys,
languages and placeholders together.
Placeholders are those of :meth:`str.format`.
"""

from collections.abc import Callable, Mapping

Translate = Callable[..., str]
"""``t(key, **facts)`` → text."""


def translate(language: str) -> Translate:
    """Return the function that gives texts in a language; English for a language that is not here.

    The returned function raises KeyError for a key that is not in the catalogue.
    """
    column = 0 if language == "de" else 1

    def text(key: str, **facts: object) -> str:
        template = TEXTS[key][column]
        return template.format(**facts) if facts else template

    return text


TEXTS: Mapping[str, tuple[str, str]] = {
    # Every page
    "skip": ("Zum Inhalt springen", "Skip to content"),
    "navigation": ("Hauptnavigation", "Main navigation"),
    "processes": ("Prozesse", "Processes"),
    "jobs": ("Läufe", "Jobs"),
    "api": ("Schnittstelle", "API"),
    "language": ("Sprache", "Language"),
    "api-box": ("Diese Seite in der Schnittstelle", "This page in the API"),
    "json-twin": ("Diese Seite als JSON", "This page as JSON"),
    "needs-script": (
        "Dafür braucht es JavaScript; ohne geht es mit den Befehlen unten.",
        "This needs JavaScript; without it use the commands below.",
    ),
    "all": ("alle", "all"),
    "none": ("keine", "none"),
    "more-rows": (
        "{count} weitere Zeilen stehen nur in der Datei.",
        "{count} further rows are in the file only.",
    ),
    # Landing page
    "landing-processes": ("Rechenprozesse ansehen und starten", "See and run processes"),
    "landing-jobs": (
        "Läufe verfolgen, Ergebnisse und Berichte abrufen",
        "Follow jobs, get results and reports",
    ),
    "landing-api": ("OGC API – Processes für Programme", "OGC API – Processes for clients"),
    "landing-conformance": (
        "Welche Teile des Standards erfüllt sind",
        "Which parts of the standard are kept",
    ),
    "landing-health": ("Zustand des Dienstes", "Health of the service"),
    "conformance": ("Konformität", "Conformance"),
    "health": ("Zustand", "Health"),
    "health-ok": ("Der Dienst arbeitet.", "The service works."),
    "health-degraded": ("Der Dienst arbeitet nur eingeschränkt.", "The service is impaired."),
    "health-on-offer": ("Prozesse im Angebot", "Processes on offer"),
    "health-with-faults": ("Mit Fehlern gespeichert", "Saved with faults"),
    "health-waiting": ("Wartende Läufe", "Waiting jobs"),
    "health-running": ("Laufende Läufe", "Running jobs"),
    "health-oldest": ("Am längsten wartet", "Waiting the longest"),
    "health-slots": ("Gleichzeitige Läufe je Worker höchstens", "Jobs at a time per worker at most"),
    "health-workers": ("Worker", "Workers"),
    "health-lost-workers": ("verloren: {number}", "lost: {number}"),
    # Conformance
    "conformance-intro": (
        "Dieser Dienst hält die folgenden Anforderungsklassen ein.",
        "This service keeps the following requirements classes.",
    ),
    "conformance-class": ("Klasse", "Class"),
    "standard": ("Standard", "Standard"),
    "address": ("Adresse", "Address"),
    # OpenAPI
    "api-intro": (
        "Alle Anfragen, die dieser Dienst beantwortet. Das Dokument gibt es auch als OpenAPI-JSON.",
        "Every request this service answers. The document is there as OpenAPI JSON, too.",
    ),
    "api-version": ("Version {version}", "Version {version}"),
    "operations-of": ("Weitere", "Others"),
    "parameters": ("Parameter", "Parameters"),
    "request-body": ("Anfrage", "Request body"),
    "responses": ("Antworten", "Responses"),
    "in": ("wo", "in"),
    # Processes
    "search": ("Suchen", "Search"),
    "search-hint": ("Titel, Kennung oder Stichwort", "Title, id or keyword"),
    "processes-shown": ("{count} Prozesse", "{count} processes"),
    "process-shown-one": ("1 Prozess", "1 process"),
    "no-processes": ("Es ist noch kein Prozess im Angebot.", "No process is on offer yet."),
    "no-match": ("Kein Prozess passt zur Suche.", "No process matches."),
    "version": ("Version", "Version"),
    # Process
    "formula": ("Formel", "Formula"),
    "run": ("Ausführen", "Run"),
    "run-start": ("Lauf starten", "Start job"),
    "run-sending": ("Wird gesendet …", "Sending …"),
    "required": ("Pflicht", "required"),
    "required-hint": ("Eingaben mit * sind Pflicht.", "Inputs with * are required."),
    "more-inputs": ("Weitere Eingaben", "Further inputs"),
    "no-inputs": ("Dieser Prozess braucht keine Eingaben.", "This process takes no inputs."),
    "choose": ("– keine Angabe –", "– not given –"),
    "yes": ("ja", "yes"),
    "no": ("nein", "no"),
    "hint-lines": ("Ein Wert je Zeile.", "One value per line."),
    "hint-json": ("Als JSON.", "As JSON."),
    "hint-json-or-text": (
        "Als JSON; anderes wird als Text gesendet.",
        "As JSON; anything else is sent as text.",
    ),
    "hint-file": ("Datei; ihr Inhalt wird mitgesendet.", "A file; its content is sent along."),
    "bbox-west": ("West", "West"),
    "bbox-south": ("Süd", "South"),
    "bbox-east": ("Ost", "East"),
    "bbox-north": ("Nord", "North"),
    "run-direct": ("Auf das Ergebnis warten", "Wait for the result"),
    "run-waiting": ("Wird berechnet …", "Running …"),
    "errors-title": ("Die Eingaben sind noch nicht richtig", "The inputs are not right yet"),
    "error-json": ("Das ist kein gültiges JSON.", "This is no valid JSON."),
    "error-required": ("Diese Eingabe fehlt.", "This input is missing."),
    "error-number": ("Das ist keine Zahl.", "This is no number."),
    "error-bbox": ("Ein Rechteck braucht alle vier Zahlen.", "A bounding box needs all four numbers."),
    "error-network": (
        "Der Dienst ist nicht erreichbar; bitte noch einmal versuchen.",
        "The service cannot be reached; please try again.",
    ),
    "inputs": ("Eingaben", "Inputs"),
    "outputs": ("Ergebnisse", "Outputs"),
    "name": ("Name", "Name"),
    "description": ("Beschreibung", "Description"),
    "type": ("Typ", "Type"),
    "default": ("Vorgabe", "Default"),
    "occurs": ("Anzahl", "Occurs"),
    "process-faults": (
        "Das Notebook wurde mit Fehlern gespeichert; im Angebot bleibt Version {version}.",
        "The notebook was saved with faults; version {version} stays on offer.",
    ),
    "check-of": ("Prüfung von {process}", "Check of {process}"),
    "check-none": (
        "Das Notebook hat keine Fehler; im Angebot ist Version {version}.",
        "The notebook has no faults; version {version} is on offer.",
    ),
    "to-process": ("Zum Prozess", "To the process"),
    "process-faults-show": ("Fehler ansehen", "See the faults"),
    "snippets": ("Mit einem Programm ausführen", "Run it from a program"),
    "recent-jobs": ("Läufe dieses Prozesses", "Jobs of this process"),
    "notebook": ("Notebook", "Notebook"),
    "type-string": ("Text", "text"),
    "type-integer": ("ganze Zahl", "whole number"),
    "type-number": ("Zahl", "number"),
    "type-boolean": ("ja oder nein", "yes or no"),
    "type-object": ("JSON-Objekt", "JSON object"),
    "type-date": ("Datum", "date"),
    "type-date-time": ("Zeitpunkt", "date and time"),
    "type-ogc-bbox": ("Rechteck", "bounding box"),
    "type-null": ("nichts", "nothing"),
    "type-array": ("Liste: {items}", "list of {items}"),
    "type-one-of": ("Auswahl: {choices}", "choice of {choices}"),
    "type-any": ("beliebig", "anything"),
    # Jobs
    "status": ("Status", "Status"),
    "process": ("Prozess", "Process"),
    "created": ("Angenommen", "Created"),
    "started": ("Begonnen", "Started"),
    "finished": ("Beendet", "Finished"),
    "duration": ("Dauer", "Duration"),
    "message": ("Meldung", "Message"),
    "job": ("Lauf", "Job"),
    "no-jobs": ("Hier ist kein Lauf.", "There are no jobs here."),
    "filter": ("Filtern", "Filter"),
    "filter-jobs": ("Läufe filtern", "Filter jobs"),
    "filter-finished-and-running": ("ohne wartende", "without waiting ones"),
    "filter-min-duration": ("Mindestdauer in s", "Least duration in s"),
    "filter-max-duration": ("Höchstdauer in s", "Greatest duration in s"),
    "filter-since": ("Angenommen ab", "Created since"),
    "filter-reset": ("Filter aufheben", "Clear filters"),
    "jobs-caption": ("Läufe, neueste zuerst", "Jobs, newest first"),
    "pages": ("Seiten", "Pages"),
    "next": ("Ältere", "Older"),
    "prev": ("Neuere", "Newer"),
    "status-accepted": ("wartet", "waiting"),
    "status-running": ("läuft", "running"),
    "status-successful": ("erfolgreich", "successful"),
    "status-failed": ("fehlgeschlagen", "failed"),
    "status-dismissed": ("abgebrochen", "dismissed"),
    # Job
    "job-of": ("Lauf von {process}", "Job of {process}"),
    "progress": ("Fortschritt", "Progress"),
    "dismiss": ("Abbrechen", "Dismiss"),
    "dismiss-ask": ("Diesen Lauf abbrechen?", "Dismiss this job?"),
    "dismiss-failed": ("Der Lauf konnte nicht abgebrochen werden.", "The job could not be dismissed."),
    "again": ("Neuer Lauf dieses Prozesses", "Another job of this process"),
    "steps": ("Schritte", "Steps"),
    "step-pending": ("offen", "pending"),
    "step-running": ("läuft", "running"),
    "step-done": ("fertig", "done"),
    "step-failed": ("fehlgeschlagen", "failed"),
    "step-not-run": ("nicht gelaufen", "did not run"),
    "step-stopped": ("abgebrochen", "stopped"),
    "facts": ("Angaben", "Facts"),
    "left-behind": ("Was der Lauf hinterlässt", "What the job leaves"),
    "left-so-far": ("Was der Lauf bis jetzt hinterlässt", "What the job leaves so far"),
    "link-results": ("Ergebnisse", "Results"),
    "link-report": ("Bericht (ausgeführtes Notebook zum Lesen)", "Report (executed notebook to read)"),
    "link-notebook": ("Ausgeführtes Notebook (.ipynb)", "Executed notebook (.ipynb)"),
    "link-log": ("Protokoll", "Log"),
    "link-inputs": ("Eingaben", "Inputs"),
    "link-manifest": ("Manifest mit Prüfsummen", "Manifest with digests"),
    "reloads": ("Diese Seite lädt sich alle paar Sekunden neu.", "This page reloads every few seconds."),
    # Results
    "results-of": ("Ergebnisse von {process}", "Results of {process}"),
    "no-results": ("Dieser Lauf hat keine Ergebnisse übergeben.", "This job handed over no results."),
    "open-file": ("Datei öffnen", "Open file"),
    "to-job": ("Zum Lauf", "To the job"),
    "features": ("{count} Objekte ({geometry})", "{count} features ({geometry})"),
    "figure-of": ("Abbildung: {output}", "Figure: {output}"),
    "map-of": ("Karte: {output}", "Map: {output}"),
    "no-value": ("ohne Wert", "no value"),
    "entries": ("{count} Einträge", "{count} entries"),
    "by-reference": ("Als Verweis übergeben", "Handed over by reference"),
    "as-json": ("Als JSON", "As JSON"),
    # Problems
    "problem": ("Das ging nicht", "That did not work"),
    "problem-faults": ("Im Einzelnen", "In detail"),
    "problem-status": ("HTTP-Status {status}", "HTTP status {status}"),
    "problem-404": ("Nicht gefunden", "Not found"),
    "problem-400": ("Die Anfrage ist nicht richtig", "The request is not right"),
    "problem-410": ("Nicht mehr vorhanden", "No longer there"),
    "problem-422": ("Der Lauf ist fehlgeschlagen", "The job failed"),
    "problem-500": ("Ein Fehler des Dienstes", "A fault of the service"),
    "problem-503": ("Der Dienst ist gerade ausgelastet", "The service is busy"),
    # Report
    "report": ("Bericht", "Report"),
    "show-code": ("Allen Code zeigen", "Show all code"),
    "code": ("Code", "Code"),
    "code-of": ("Code [{count}]", "Code [{count}]"),
    "injected": ("Eingesetzte Werte", "Injected values"),
    "front-matter": ("Vorspann des Notebooks", "Front matter of the notebook"),
    "failed-in": ("Der Lauf brach in dieser Zelle ab:", "The run ended in this cell:"),
    "parameter": ("Parameter", "Parameter"),
    "declared": ("Im Notebook", "In the notebook"),
    "used": ("In diesem Lauf", "In this run"),
    "notebook-sha256": ("SHA-256 des Notebooks", "SHA-256 of the notebook"),
    "not-run": ("nicht gelaufen", "did not run"),
    "figure-of-cell": ("Abbildung aus Zelle {cell}", "Figure of cell {cell}"),
    "text-cut": (
        "Gekürzt: {count} Zeichen stehen nur im Notebook.",
        "Cut: {count} characters are in the notebook only.",
    ),
    "outputs-cut": (
        "{count} weitere Ausgaben stehen nur im Notebook.",
        "{count} further outputs are in the notebook only.",
    ),
    "report-full": (
        "Die weiteren Ausgaben sind zu groß für den Bericht; sie stehen im Notebook.",
        "The further outputs are too large for the report; they are in the notebook.",
    ),
    "output-not-shown": (
        "Eine Ausgabe vom Typ {types} wird im Bericht nicht gezeigt.",
        "An output of type {types} is not shown in the report.",
    ),
    "picture-too-large": (
        "Eine Abbildung ({size}) ist zu groß für den Bericht.",
        "A figure ({size}) is too large for the report.",
    ),
    "picture-broken": (
        "Eine Abbildung vom Typ {type} ist nicht lesbar.",
        "A figure of type {type} cannot be read.",
    ),
}
