"""A project in a plain folder: the app's ports on any DesignStore and on files, without git."""
