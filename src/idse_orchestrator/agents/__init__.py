"""Agents: who they are, who acts next, how they hand over, and what they may edit."""
