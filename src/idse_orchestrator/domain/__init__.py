"""What IDSE is. Pure: no git, files, network, process, clock or environment in here."""
