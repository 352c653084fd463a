"""The projection: what git, the rules and the audit say, as tables that can be made anew."""
