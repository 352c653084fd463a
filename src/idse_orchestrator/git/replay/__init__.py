"""Ledgers read with distrust, commit by commit, for `idse fsck`."""
