"""Pages that a change of the SQL must leave as they are: a synthetic catalogue, queries over it, and their answers.

After a deliberate change of the ranking, write the answers anew and read the difference:

    python -m tests.sql.same_pages
"""
