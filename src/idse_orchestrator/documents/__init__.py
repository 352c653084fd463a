"""Documents as their authors wrote them, where they stand under ``.idse/``, and who can read them."""
