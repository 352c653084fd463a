"""What judges and counts in the runner: pure."""
