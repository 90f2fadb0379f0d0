"""The tables, as SQLAlchemy Core; the migrations are held equal to them by a test."""
