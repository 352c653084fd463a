"""MCP for agents without a clone: tokens, tools, and the two of them that plain HTTP can call."""
