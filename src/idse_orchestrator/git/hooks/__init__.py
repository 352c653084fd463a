"""The hook files of a repository, and who else may be in charge of them."""
