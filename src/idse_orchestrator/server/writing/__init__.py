"""Writes by the server, which is one more replica: events in a private folder, judged before they count."""
