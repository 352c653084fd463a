"""Agents: who they are, who acts next, what they may edit, and how they hand over."""
