"""The check verbs: pure functions over one document, named by the rules of a constitution."""
