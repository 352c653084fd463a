"""The only room that knows a work tree: capture, restore, views, git hooks, code commits."""
