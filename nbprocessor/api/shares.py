"""Sharing a job's report: ``POST /jobs/{jobID}/share`` makes a link for people who do not sign in."""

from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nbprocessor.api import paging
from nbprocessor.api.services import Services
from nbprocessor.auth.shares import Shares
from nbprocessor.errors import Forbidden, InvalidRequest, Problem, ResultNotReady


class ShareRoutes:
    """The one route of shared links; the links themselves lead to the report."""

    def __init__(self, services: Services, shares: Shares) -> None:
        self.services = services
        self.shares = shares

    def routes(self) -> list[Route]:
        """Return the route table."""
        return [Route("/jobs/{job_id}/share", self.share, methods=["POST"])]

    async def share(self, request: Request) -> Response:
        """``POST /jobs/{jobID}/share?days=7``: a link to the report, good for some days, for reading only."""
        most = self.shares.days
        if not most:
            raise Forbidden("Reports cannot be shared here (auth.share_days, auth.client_secret).")
        days = paging.number(request, "days", min(7, most), least=1)
        if days > most:
            raise InvalidRequest([Problem("days", f"{days} days are too many.", f"At most {most} (auth.share_days).")])
        job = await run_in_threadpool(self.services.job, request)
        if not job.status.ended:
            raise ResultNotReady(job.id, job.status)
        token, expires = self.shares.make(job.id, days)
        document = {
            "href": f"{self.services.base_url}/jobs/{job.id}/report?share={token}",
            "rel": "related",
            "type": "text/html",
            "title": "Report, for whoever has this link",
            "expires": expires.isoformat().replace("+00:00", "Z"),
        }
        return JSONResponse(document, HTTPStatus.CREATED, headers={"Cache-Control": "no-store"})
