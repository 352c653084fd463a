"""A session's seven stages, and a project: their states, and what events do to them."""
