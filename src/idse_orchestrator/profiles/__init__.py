"""Agent Profiles: found in a spec, checked, completed from the blueprint, and written."""
