"""The only door to git: the program (``program.py``) and libgit2 (``libgit2.py``)."""
