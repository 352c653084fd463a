"""Taking over what older prototypes of IDSE left behind: look, plan, then write."""
