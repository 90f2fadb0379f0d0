"""The only home of SQL: tables, migrations, the one write path, and the questions."""
