"""A project in a plain folder: the same use cases on any DesignStore and on files, without git."""
