"""Tasks of a session as ledgers of their own: who has which, and what came of it."""
