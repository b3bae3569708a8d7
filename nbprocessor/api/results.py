"""A job's results as the standard sends them: raw or document, by value or reference (OGC 18-062r2, 7.11 and 7.13)."""

import base64
import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import quote

from starlette.responses import JSONResponse, Response

from nbprocessor.api.jobs import status_info
from nbprocessor.api.problems import JobFailed
from nbprocessor.errors import NoSuchOutput, ResultNotReady
from nbprocessor.model import Json
from nbprocessor.model.job import Job, JobStatus
from nbprocessor.model.manifest import OutputFile
from nbprocessor.store.results import ResultStore

MAX_CALLBACK_BYTES = 1_000_000
SHOWN_INLINE = frozenset(
    {"application/json", "application/geo+json", "text/csv", "text/plain", "image/png", "image/tiff"}
)
"""Types a browser shows without running anything; every other file a notebook left is offered as a download."""


class Results:
    """The outputs of one successful job, ready to be written in every form a client may ask for."""

    def __init__(self, job: Job, store: ResultStore, base_url: str) -> None:
        """Read which outputs the job has.

        Raises:
            ResultNotReady: The job has not ended.
            JobFailed: It ended without results.
            ResultGone: Its files are no longer there.
        """
        if not job.status.ended:
            raise ResultNotReady(job.id, job.status)
        if job.status is not JobStatus.SUCCESSFUL:
            raise JobFailed(job)
        self.job = job
        self._store = store
        self._url = f"{base_url}/jobs/{job.id}/results"
        self._files = {output.id: output for output in store.manifest(job.id).outputs}

    def response(self) -> Response:
        """Answer as the execute request asked: ``response``, requested outputs, transmission modes."""
        if self.job.response == "document":
            return self.document_response()
        wanted = self._wanted()
        by_value = [output for output in wanted if not self._by_reference(output.id)]
        if not by_value:
            return self._links_only(wanted)
        if len(wanted) == 1:
            return self.output(wanted[0].id)
        return self._multipart(wanted)

    def document_response(self) -> Response:
        """Answer with results.yaml, whatever the request asked."""
        return JSONResponse(self.document())

    def document(self) -> dict[str, Json]:
        """Return results.yaml: each output inline, qualified where the standard wants it, or as a link."""
        return {
            output.id: self._link(output) if self._by_reference(output.id) else self._inline(output)
            for output in self._wanted()
        }

    def output(self, output_id: str) -> Response:
        """Answer with one output as it is.

        Raises:
            NoSuchOutput: The job handed over none of this id.
        """
        output = self._files.get(output_id)
        if output is None:
            raise NoSuchOutput(self.job.id, output_id)
        plain = output.media_type.partition(";")[0].strip()
        name = output.file.rpartition("/")[2]
        disposition = "inline" if plain in SHOWN_INLINE else "attachment"
        headers = {
            "Content-Disposition": f"{disposition}; {_filename(name)}",
            "ETag": f'"{output.sha256}"',
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
        }
        return Response(self._read(output), media_type=_with_charset(output.media_type), headers=headers)

    def _wanted(self) -> Sequence[OutputFile]:
        """Return the requested outputs the notebook handed over; all of them when none was named."""
        if not self.job.requested_outputs:
            return list(self._files.values())
        return [self._files[output_id] for output_id in self.job.requested_outputs if output_id in self._files]

    def _by_reference(self, output_id: str) -> bool:
        wanted = (self.job.requested_outputs or {}).get(output_id, {})
        return wanted.get("transmissionMode") == "reference"

    def _read(self, output: OutputFile) -> bytes:
        return self._store.read(self.job.id, output.file)

    def _link(self, output: OutputFile) -> dict[str, str]:
        return {"href": f"{self._url}/{output.id}", "type": output.media_type, "title": output.id}

    def _inline(self, output: OutputFile) -> Json:
        """Write one value as inlineOrRefData.yaml: an object, and anything encoded, is a qualified value."""
        content = self._read(output)
        if is_json(output.media_type) and (value := _parsed(content)) is not _NO_JSON:
            if isinstance(value, dict) and not _is_bbox(value):
                return {"value": value, "mediaType": output.media_type}
            return value
        if output.media_type.startswith("text/"):
            text = content.decode(errors="replace")
            return (
                text if output.media_type.startswith("text/plain") else {"value": text, "mediaType": output.media_type}
            )
        return {"value": base64.b64encode(content).decode(), "encoding": "base64", "mediaType": output.media_type}

    def _links_only(self, outputs: Sequence[OutputFile]) -> Response:
        response = Response(status_code=HTTPStatus.NO_CONTENT)
        for output in outputs:
            response.headers.append("Link", f'<{self._url}/{output.id}>; rel="{output.id}"; type="{output.media_type}"')
        return response

    def _multipart(self, outputs: Sequence[OutputFile]) -> Response:
        """Write multipart/related (RFC 2387): values as parts, references as parts with a Content-Location only."""
        boundary = f"nbprocessor-{self.job.id.hex}"
        chunks: list[bytes] = []
        for output in outputs:
            chunks.append(
                f"--{boundary}\r\nContent-Type: {output.media_type}\r\nContent-ID: <{output.id}>\r\n".encode()
            )
            if self._by_reference(output.id):
                chunks.append(f"Content-Location: {self._url}/{output.id}\r\n\r\n\r\n".encode())
            else:
                chunks += [b"Content-Transfer-Encoding: binary\r\n\r\n", self._read(output), b"\r\n"]
        chunks.append(f"--{boundary}--\r\n".encode())
        root = outputs[0].media_type.partition(";")[0].strip()
        content_type = f'multipart/related; boundary="{boundary}"; type="{root}"'
        return Response(b"".join(chunks), headers={"Content-Type": content_type})


def is_json(media_type: str) -> bool:
    """Tell whether content of this type is JSON."""
    plain = media_type.partition(";")[0].strip()
    return plain == "application/json" or plain.endswith("+json")


_NO_JSON = object()


def _parsed(content: bytes) -> Json:
    """Parse JSON; what only claims to be it, as a notebook may, is handed on as the bytes it is."""
    try:
        return json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return _NO_JSON


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _filename(name: str) -> str:
    """Write a file's name for Content-Disposition: headers are ASCII (RFC 6266, section 4.3)."""
    return f'filename="{name}"' if name.isascii() else f"filename*=utf-8''{quote(name)}"


def _is_bbox(value: Mapping[str, Json]) -> bool:
    return "bbox" in value and set(value) <= {"bbox", "crs"}


def _with_charset(media_type: str) -> str:
    return (
        f"{media_type}; charset=utf-8" if media_type.startswith("text/") and "charset" not in media_type else media_type
    )


def callback_body(job: Job, event: str, *, results: ResultStore, base_url: str) -> bytes:
    """Write what a subscriber is told: results on success, else the job's statusInfo (OGC 18-062r2, clause 12).

    A large document is replaced by the status with its link to the results.
    """
    if event == "success":
        body = json.dumps(Results(job, results, base_url).document()).encode()
        if len(body) <= MAX_CALLBACK_BYTES:
            return body
    return json.dumps(status_info(job, base_url)).encode()
