"""Trigger functions that never fail a write of the application whose catalogue was adopted."""

import re

from app.database.sql_files import trigger_scripts

_FUNCTION = re.compile(
    r"(create or replace function search_internal\.(\w+)\(\) returns trigger\n(?:(?!as \$\$)[^\n]*\n)*as \$\$\n)"
    r"(.*?)(\n\$\$;)",
    re.DOTALL,
)
_TRIGGER = re.compile(r"for each (row|statement)\b[^;]*?execute function search_internal\.(\w+)\(\)")

_GUARD = """begin
{body}
-- the application retries after some errors; any other must not fail its write
exception
    when transaction_rollback or lock_not_available or insufficient_resources then raise;
    when others then
{handler}
end;"""

_OF_STATEMENT = """        if tg_op = 'INSERT' then
            perform search_internal.note_stale(
                tg_table_name, tg_op, sqlerrm, '{}', array(select to_jsonb(n) from new_rows n));
        elsif tg_op = 'DELETE' then
            perform search_internal.note_stale(
                tg_table_name, tg_op, sqlerrm, array(select to_jsonb(o) from old_rows o), '{}');
        else
            perform search_internal.note_stale(
                tg_table_name, tg_op, sqlerrm,
                array(select to_jsonb(o) from old_rows o), array(select to_jsonb(n) from new_rows n));
        end if;
        return null;"""

_OF_ROW = """        perform search_internal.note_stale(
            tg_table_name, tg_op, sqlerrm,
            array_remove(array[to_jsonb(old)], null), array_remove(array[to_jsonb(new)], null));
        if tg_op = 'DELETE' then return old; else return new; end if;"""


def guard_triggers(script: str) -> str:
    """Functions as an adopted catalogue gets them.

    The body of each that a trigger of the catalogue runs becomes a block of its own. An error in it is noted in
    ``search.stale_notes``; rows that cannot be read again are hidden.

    Args:
        script: SQL that makes functions; others in it stay as they are.
    """
    levels = _levels()

    def guard(found: re.Match[str]) -> str:
        opening, name, body, end = found.groups()
        if name not in levels:
            return found[0]
        handler = _OF_ROW if levels[name] == "row" else _OF_STATEMENT
        return opening + _GUARD.format(body=body, handler=handler) + end

    return _FUNCTION.sub(guard, script)


def _levels() -> dict[str, str]:
    """By the name of a function, whether its triggers are for each row or each statement."""
    scripts = "\n".join(script.read_text(encoding="utf-8") for script in trigger_scripts())
    return {name: level for level, name in _TRIGGER.findall(scripts)}
