"""Numbers, tables and charts as people see them: on pages, in terminals, and as files."""
