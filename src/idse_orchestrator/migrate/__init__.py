"""Taking over what older prototypes of IDSE left behind: survey, plan, then write."""
