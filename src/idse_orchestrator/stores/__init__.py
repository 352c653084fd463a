"""Places a session can be kept in; each fulfils ``domain.design_store``."""
