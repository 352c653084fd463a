"""M(a, b): the one commit that joins two histories of a ledger, the same on every machine."""
