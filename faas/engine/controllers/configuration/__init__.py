"""A Configuration makes a Revision of each change of its template, and knows the newest that became ready."""
