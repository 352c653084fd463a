"""What one attempt needs: a workspace, a sandbox, a child, a log."""
