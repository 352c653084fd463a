"""REST: sessions, documents and the audit of clients over HTTP."""
