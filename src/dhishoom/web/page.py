"""The built page: its files, how long a browser may keep them, and what stands in where it was not built."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse

NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>dhishoom: the page is not built</title>
<h1>The page is not built yet</h1>
<p>The service runs and its API answers at <a href="/api/v1/incidents">/api/v1/incidents</a>, but the page that belongs
to it is not there: in a checkout it is built from <code>ui/</code>.</p>
<p>Run <code>make page</code>, then load this page again. A package installed with <code>pip install dhishoom</code>
carries it already; if you see this there, install it again.</p>
</html>"""
FOR_EVER = "public, max-age=31536000, immutable"
ASK_FIRST = "no-cache"


def router_for(folder: Path) -> APIRouter:
    """Routes that serve the page in `folder` at `/`, and JSON errors under `/api`."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/{path:path}", methods=["GET", "HEAD"])
    def get_page(request: Request, path: str) -> Response:
        if path == "api" or path.startswith("api/"):
            raise HTTPException(404, f"There is no /{path}; GET /api/v1/openapi.json lists what there is.")
        index = folder / "index.html"
        if not index.is_file():
            return HTMLResponse(NOT_BUILT, status_code=503)
        return _file(request, _inside(folder, path) or index, named=path.startswith("assets/"))

    return router


def _inside(folder: Path, path: str) -> Path | None:
    """The page's file of that name; None for the page itself. Raises 404 for what is not there."""
    if not path:
        return None
    file = (folder / path).resolve()
    if folder.resolve() not in file.parents or not file.is_file():
        raise HTTPException(404, f"The page has no file /{path}.")
    return file


def _file(request: Request, file: Path, *, named: bool) -> Response:
    """A file with its ETag. `named`: its name holds a hash of its content, so that it may be kept for ever."""
    answer = FileResponse(file, stat_result=file.stat(), headers={"Cache-Control": FOR_EVER if named else ASK_FIRST})
    if request.headers.get("if-none-match") == answer.headers["etag"]:
        kept = {name: answer.headers[name] for name in ("etag", "cache-control")}
        return Response(status_code=304, headers=kept)
    return answer
