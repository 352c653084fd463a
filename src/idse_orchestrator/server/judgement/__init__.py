"""What a push is judged by, in quarantine."""
