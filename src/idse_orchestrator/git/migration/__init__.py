"""Reading older layouts from folders and repositories, and writing many new ledgers at once."""
