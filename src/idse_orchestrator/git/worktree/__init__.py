"""The documents in the work tree: captured, merged, compared, brought back."""
