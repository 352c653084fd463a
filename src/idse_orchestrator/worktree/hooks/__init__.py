"""The git hooks that call idse: installed, recognised, and taken away."""
