"""The writing page of an Agency that serves, in a real browser."""

from __future__ import annotations

import pytest


def log_in(page, server, key):
    """Pastes a key, as a person does."""
    page.goto(f"http://{server.address}/login")
    page.get_by_label("Key").fill(key)
    page.get_by_role("button", name="Log in").click()
    return page


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1280])
def test_a_person_logs_in(server, page, width, dark):
    key = server.key("acme", "read", "push", "create", name="Ann")
    seen = log_in(page(width, dark=dark), server, key)
    assert seen.get_by_role("heading", level=1).inner_text() == "acme"
    is_dark = seen.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert (seen.viewport_size["width"], is_dark) == (width, dark)
