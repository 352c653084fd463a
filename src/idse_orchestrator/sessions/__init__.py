"""What people do with projects and sessions: make them, move their stages, look back."""
