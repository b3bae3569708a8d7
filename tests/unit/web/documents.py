"""Documents as the API answers them, for the pages' tests."""

HOST = "http://127.0.0.1:8099"
JOB = "0e8f6a54-1f6c-4d25-9a4c-6f2d8f2f9d11"
OGC = "http://www.opengis.net/def/rel/ogc/1.0"


def link(path, rel, media_type="application/json", title=""):
    return {"href": f"{HOST}{path}", "rel": rel, "type": media_type, "title": title or rel}


def process(**members):
    document = {
        "id": "km_indicator_divide",
        "version": "1.0.0",
        "title": "Division zweier Indikatoren",
        "description": "Berechnet den Quotienten aus Dividend $I_1$ und Divisor $I_2$.",
        "keywords": ["Indikator", "Quotient"],
        "jobControlOptions": ["sync-execute", "async-execute", "dismiss"],
        "inputs": {
            "numerator": {"title": "Dividend", "schema": {"type": "string", "minLength": 1}},
            "denominator": {"title": "Divisor", "schema": {"type": "string"}},
            "units": {"title": "Raumebenen", "schema": {"type": "array", "items": {"type": "string"}}},
            "digits": {
                "title": "Nachkommastellen",
                "schema": {"type": "integer", "minimum": 0, "maximum": 12, "default": 3},
                "minOccurs": 0,
            },
            "method": {
                "title": "Verfahren",
                "schema": {"type": "string", "enum": ["mean", "median"], "default": "mean"},
                "minOccurs": 0,
            },
            "years": {
                "title": "Jahre",
                "schema": {
                    "type": "array",
                    "items": {"type": "integer", "enum": [2020, 2021, 2022]},
                    "default": [2020, 2022],
                },
                "minOccurs": 0,
            },
            "strict": {"title": "Streng", "schema": {"type": "boolean", "default": True}, "minOccurs": 0},
            "day": {"title": "Stichtag", "schema": {"type": "string", "format": "date"}, "minOccurs": 0},
            "box": {
                "title": "Ausschnitt",
                "schema": {"allOf": [{"format": "ogc-bbox"}, {"type": "object"}]},
                "minOccurs": 0,
            },
            "time": {
                "title": "Zeitauswahl",
                "schema": {"type": "object", "default": {"mode": "ALL"}},
                "minOccurs": 0,
            },
            "image": {
                "title": "Bild",
                "schema": {"type": "string", "contentEncoding": "binary", "contentMediaType": "image/tiff"},
                "minOccurs": 0,
            },
            "mixed": {
                "title": "Gemischt",
                "schema": {"oneOf": [{"type": "string"}, {"type": "object"}]},
                "minOccurs": 0,
            },
        },
        "outputs": {
            "resultData": {"title": "Zeitreihen", "schema": {"type": "array"}},
            "resultMap": {
                "title": "Karte",
                "schema": {"type": "object", "contentMediaType": "application/geo+json"},
            },
        },
        "example": {"inputs": {"numerator": "unter-18", "denominator": "it's", "units": ["stadtteile", "quartiere"]}},
        "additionalParameters": {
            "parameters": [
                {
                    "name": "kommonitorUiParams",
                    "value": [
                        {
                            "apiName": "indicator_division",
                            "formula": r"$\frac{I_1}{I_2}$",
                            "legend": "<br/>$I_1$ = Dividend<script>alert(1)</script>",
                            "inputBoxes": [{"id": "reference_id", "title": "Notwendig", "contents": ["numerator"]}],
                        }
                    ],
                }
            ]
        },
        "links": [
            link("/processes/km_indicator_divide", "self"),
            link("/processes/km_indicator_divide/execution?f=json", f"{OGC}/execute"),
            link("/processes/km_indicator_divide/notebook", "related", "application/x-ipynb+json"),
        ],
    }
    return document | members


def job(status="running", **members):
    paths = ["notebook", "report", "log", "inputs"]
    paths += ["results"] if status == "successful" else []
    document = {
        "processID": "km_indicator_divide",
        "type": "process",
        "jobID": JOB,
        "id": JOB,
        "status": status,
        "message": "2 Berechnen",
        "created": "2026-01-31T12:00:00.000Z",
        "started": "2026-01-31T12:00:01.000Z",
        "updated": "2026-01-31T12:00:13.200Z",
        "progress": 40,
        "links": [link(f"/jobs/{JOB}", "self"), *(link(f"/jobs/{JOB}/{path}", "related") for path in paths)],
    }
    return document | members


RESULTS = {
    "rows": [{"unit": "stadtteile", "value": 0.1834}, {"unit": "<b>quartiere</b>", "gap": None}],
    "map": {
        "value": {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "geometry": {"type": "Polygon", "coordinates": []},
                    "properties": {"NAME": f"Quartier {number}", "2024-12-31": number / 8},
                }
                for number in range(250)
            ],
        },
        "mediaType": "application/geo+json",
    },
    "share": 1234.5,
    "greeting": "Hallo <b>Welt</b>",
    "picture": {"value": "iVBORw0KGgo=", "encoding": "base64", "mediaType": "image/png"},
    "elsewhere": {"href": f"{HOST}/jobs/{JOB}/results/elsewhere", "type": "text/csv"},
    "evil": {"href": "javascript:alert(1)", "type": "text/html"},
    "settings": {"value": {"a": [1, {"b": None}]}, "mediaType": "application/json"},
    "grid": {"value": "AAAA", "encoding": "base64", "mediaType": "image/tiff"},
    "table": {"value": "a,b\n1,2\n", "mediaType": "text/csv"},
}

PROBLEM = {
    "type": "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/invalid-parameter-value",
    "title": "InvalidParameterValue",
    "status": 400,
    "detail": "2 faults, the first: …",
    "errors": [
        {"pointer": "/inputs/digits", "detail": "99 is greater than 12.", "mend": "Give 0 to 12."},
        {"pointer": "/inputs/units/0", "detail": '"<img src=x onerror=alert(1)>" is unknown.'},
    ],
}

OPENAPI = {
    "openapi": "3.0.3",
    "info": {"title": "nbprocessor", "version": "0.1.0", "description": "Prozesse"},
    "tags": [{"name": "processes", "description": "Notebooks on offer"}],
    "paths": {
        "/processes/{processID}/execution": {
            "post": {
                "tags": ["processes"],
                "summary": "Execute",
                "parameters": [{"$ref": "#/components/parameters/processID"}],
                "requestBody": {"content": {"application/json": {}}},
                "responses": {"200": {"$ref": "#/components/responses/Results"}},
            }
        },
        "/jobs/{jobID}": {"delete": {"summary": "Dismiss", "responses": {}}},
    },
    "components": {
        "parameters": {
            "processID": {"name": "processID", "in": "path", "required": True, "schema": {"type": "string"}}
        },
        "responses": {"Results": {"description": "All results", "content": {"application/json": {}}}},
    },
}

SCHEDULE = {
    "type": "process",
    "processID": "echo",
    "scheduleID": "5b0c4bd0-7b56-4b4e-8b8e-3a4c6f9d2f11",
    "jobIDs": [JOB],
    "status": "accepted",
    "scheduleCreated": "2026-01-01T00:00:00Z",
    "scheduleUpdated": "2026-01-01T00:00:00Z",
    "scheduleActive": True,
    "scheduleCron": "0 3 1 * *",
    "name": "Monatlich <b>neu</b>",
    "timezone": "Europe/Berlin",
    "misfirePolicy": "once",
    "overlapPolicy": "forbid",
    "retries": 2,
    "notify": [{"email": "a@example.org"}, {"webhook": "https://example.org/<b>x", "on": ["pause"]}],
    "source": "api",
    "nextRuns": ["2026-02-01T03:00:00+01:00", "2026-03-01T03:00:00+01:00"],
    "lastRun": {"fireTime": "2026-01-01T02:00:00Z", "outcome": "failed", "message": "cell broke", "jobID": JOB},
    "request": {"inputs": {"stringInput": "{{ last_month_end }}"}},
    "links": [],
}
PAUSED = SCHEDULE | {
    "scheduleActive": False,
    "message": "Das Recht fehlt.",
    "nextRuns": [],
    "lastRun": None,
    "name": "",
}

PAGES = {
    "/": (
        "landing",
        {"title": "Dienst", "description": "Notebooks", "links": [link("/conformance", "conformance")]},
    ),
    "/health": (
        "health",
        {
            "status": "degraded",
            "version": "0.1.0",
            "faults": {"results": "The folder is full."},
            "processes": {"onOffer": 2, "withFaults": ["echo"]},
            "jobs": {"waiting": 1, "running": 2, "oldestWaiting": 75},
            "workers": {"known": 3, "alive": 2},
            "execution": {"slots": 2},
            "signIn": {"issuer": "https://keycloak.example/realms/kommonitor", "problems": ["Tokens carry no groups."]},
        },
    ),
    "/conformance": (
        "conformance",
        {"conformsTo": ["http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core"]},
    ),
    "/openapi": ("api", OPENAPI),
    "/processes": (
        "processes",
        {
            "processes": [
                process(),
                process(id="echo", title="Echo", description="Gibt zurück.", keywords=[]),
            ],
            "links": [],
        },
    ),
    "/processes/km_indicator_divide": ("process", process()),
    "/processes/echo/check": (
        "check",
        {
            "processID": "echo",
            "versionOnOffer": "1.0.0",
            "faults": [{"place": "cell front-matter", "detail": "There is no id.", "mend": "Write one."}],
        },
    ),
    "/jobs": (
        "jobs",
        {
            "jobs": [job(status) for status in ("accepted", "running", "successful", "failed", "dismissed")],
            "links": [link("/jobs?limit=10&offset=10&status=failed&f=json", "next")],
        },
    ),
    f"/jobs/{JOB}": ("job", job("successful")),
    f"/jobs/{JOB}/results": ("results", {"job": job("successful"), "process": process(), "results": RESULTS}),
    "/schedules": ("schedules", {"schedules": [SCHEDULE, PAUSED], "links": [link("/schedules?offset=10", "next")]}),
    f"/schedules/{SCHEDULE['scheduleID']}": (
        "schedule",
        SCHEDULE | {"lastRuns": [SCHEDULE["lastRun"], {"fireTime": "2025-12-01T02:00:00Z", "outcome": "skipped"}]},
    ),
    "/sign-out": ("signed_out", {"next": "https://keycloak.example/logout?id_token_hint=x"}),
    "/problem": ("problem", PROBLEM),
}
"""One document for every page: path → (page, document)."""
