"""Sources of documents that only git can read: the worktree, the index, a commit, a ledger's tip."""
