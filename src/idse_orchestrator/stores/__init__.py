"""Places a session can be kept in; each is a ``design_store.DesignStore``."""
