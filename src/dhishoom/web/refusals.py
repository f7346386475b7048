"""Every error of the API as one shape: `{"error": "what, why, how to fix"}`."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from dhishoom.errors import DhishoomError, NounError, StoreError
from dhishoom.web.resources import JsonAnswer

STATUS_OF: dict[type[DhishoomError], int] = {NounError: 422, StoreError: 503}


def not_found(what: str, name: str) -> HTTPException:
    """404: there is no `what` called `name`."""
    return HTTPException(404, f"There is no {what} {name!r} here; it may have been removed by the retention rules.")


def answer_errors_as_json(app: FastAPI) -> None:
    """Have `app` tell every error in the API's one shape."""

    @app.exception_handler(HTTPException)
    def refused(_: Request, error: HTTPException) -> Response:
        return JsonAnswer({"error": str(error.detail)}, status_code=error.status_code, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    def misunderstood(_: Request, error: RequestValidationError) -> Response:
        return JsonAnswer({"error": _in_words(error)}, status_code=422)

    @app.exception_handler(DhishoomError)
    def failed(_: Request, error: DhishoomError) -> Response:
        return JsonAnswer({"error": str(error)}, status_code=STATUS_OF.get(type(error), 500))

    @app.exception_handler(Exception)
    def broken(_: Request, error: Exception) -> Response:
        told = f"The server met an error of its own ({type(error).__name__}); its log says more. Please report it."
        return JsonAnswer({"error": told}, status_code=500)


def _in_words(error: RequestValidationError) -> str:
    """One line per parameter: its name, what is wrong with it, what came."""
    lines = []
    for fault in error.errors():
        name = ".".join(str(part) for part in fault["loc"][1:]) or str(fault["loc"][0])
        lines.append(f"`{name}`: {fault['msg']} (got {str(fault.get('input'))[:80]!r})")
    return (
        "The request cannot be understood. " + "; ".join(lines) + ". GET /api/v1/openapi.json describes what is taken."
    )
