"""One file per resource: its bodies, its endpoints, its part of the table of routes."""
