"""The pages of an Agency, and of one repository: functions from a request to a page, without a script."""
