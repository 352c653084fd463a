"""Documents as their authors wrote them: headings, sections and tasks."""
