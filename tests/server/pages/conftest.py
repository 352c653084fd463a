"""Pages in a real Chromium by playwright: by role and label, as people find what is on them.

`page` is the one door: a test fails for whatever its pages complained about, a broken policy among it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from browser import chromium

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    """One Chromium for the tests of a module.

    No longer than that: while playwright runs, no other test of this process can run an event loop.
    """
    with sync_playwright() as playwright:
        # Tests may run as root, and the pages are our own.
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chrome: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page in a context of its own, without cookies: `page(width=360, dark=True, …)`.

    What else is given goes to `Browser.new_context`. Whatever a page complains about fails the test, but for
    the status of a page that was asked for: that is for the test to judge.
    """
    contexts, complaints = [], []

    def opened(width: int = 1280, *, dark: bool = False, **more: object) -> Page:
        context = chrome.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", **more
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        made = context.new_page()
        asked = set()
        made.on("response", lambda answer: answer.request.is_navigation_request() and asked.add(answer.url))

        def said(message) -> None:  # playwright's own
            is_status = message.text.startswith("Failed to load resource: the server responded")
            if message.type in ("error", "warning") and not (is_status and message.location["url"] in asked):
                complaints.append(f"{message.type}: {message.text}")

        made.on("console", said)
        made.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
        return made

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
