"""Use cases of blueprint claims: statements that sessions converge on, borne out by ledger commits."""
