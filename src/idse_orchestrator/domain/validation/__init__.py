"""The ValidationEngine: documents and sessions against the constitution."""
