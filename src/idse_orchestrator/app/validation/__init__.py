"""Use cases of the ValidationEngine: what is judged, by which rules, and what is known already."""
