"""Agency Core: a git remote that many clients share, whose rules nobody can switch off."""
