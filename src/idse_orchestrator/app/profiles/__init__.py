"""Use cases about Agent Profiles: out of specs, into files."""
