"""``python -m idse_orchestrator`` is ``idse``."""

from idse_orchestrator.cli.main import main

main()
