"""The constitution: articles and rules, read from files and compiled."""
