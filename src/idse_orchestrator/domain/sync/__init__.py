"""What clones exchange: names that may travel, sync points, and joins of what both sides changed."""
