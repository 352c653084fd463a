"""Who uses the server: its home, clients, repositories, keys and the audit."""
