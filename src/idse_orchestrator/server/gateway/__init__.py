"""The doors of git: HTTP and ssh, and what is between them and a repository."""
