"""``python -m idse_orchestrator`` is ``idse``."""

from __future__ import annotations

from idse_orchestrator.cli.main import main

main()
