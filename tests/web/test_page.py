"""How the built page is served."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.web.fake import FakeCity


@pytest.fixture
def page(city: FakeCity, tmp_path: Path) -> TestClient:
    """A server whose page is two files."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<title>dhishoom</title>")
    (tmp_path / "assets" / "index-a1b2.js").write_text("export {}")
    return TestClient(city.app(page_folder=tmp_path), base_url="http://127.0.0.1")


def test_files_with_a_hash_in_their_name_may_be_kept_for_ever(page: TestClient) -> None:
    """The page itself is asked for anew each time, its parts never again."""
    assert page.get("/").headers["cache-control"] == "no-cache"
    part = page.get("/assets/index-a1b2.js")
    assert "immutable" in part.headers["cache-control"]
    assert part.headers["content-type"].startswith("text/javascript")


def test_an_unchanged_page_is_not_sent_again(page: TestClient) -> None:
    """The ETag of the answer before gets 304."""
    etag = page.get("/").headers["etag"]
    assert page.get("/", headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize("path", ["/nothing.js", "/../app.py", "/%2e%2e/app.py", "/assets", "/assets/..%2f..%2fapp.py"])
def test_nothing_outside_the_page_is_served(page: TestClient, path: str) -> None:
    """Names that lead nowhere or out of the folder are 404."""
    assert page.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/api", "/api/v1", "/api/v2/incidents", "/api/v1/incident"])
def test_what_the_api_does_not_have_is_404_in_json(page: TestClient, path: str) -> None:
    """A misspelt address of the API never gets the page."""
    answer = page.get(path)
    assert answer.status_code == 404
    assert "openapi.json" in answer.json()["error"]


def test_where_the_page_was_not_built_the_reader_learns_how(city: FakeCity, tmp_path: Path) -> None:
    """The API still answers, and / says `make page`."""
    client = TestClient(city.app(page_folder=tmp_path / "none"), base_url="http://127.0.0.1")
    answer = client.get("/")
    assert answer.status_code == 503
    assert "make page" in answer.text
    assert client.get("/api/v1/health").status_code == 200
