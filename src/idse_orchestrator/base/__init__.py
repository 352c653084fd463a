"""Small tools that know nothing of git or of IDSE: names, text, ids, YAML, files."""
