"""Guards: triggers that refuse a change, whoever asks for it. Migrations write them for both engines.

A CHECK sees one row as it will be; a guard also sees what it was. Its condition stands in the WHEN of the trigger, so
that a row which is allowed costs one comparison and no function call. A refusal is an integrity error like that of a
CHECK, and names the guard.
"""

from dataclasses import dataclass
from typing import Literal

from alembic import op

_REFUSE = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% refuses this % of %', TG_NAME, TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME;
END
$$
"""
_REFUSE_AFTER_A_LOOK = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {refused_if} THEN
        RAISE EXCEPTION '% refuses this % of %', TG_NAME, TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN OLD;
END
$$
"""


@dataclass(frozen=True, slots=True)
class Guard:
    """A trigger that refuses ``event`` on a row of ``table`` when ``refused_if`` holds of OLD and NEW.

    A DELETE may also look at other rows; PostgreSQL wants a function for that, and nothing is deleted in a hurry.
    With ``columns`` an UPDATE that sets none of them is let through without a look: the condition must not hold then.
    """

    name: str
    table: str
    event: Literal["UPDATE", "DELETE"]
    refused_if: str = "true"
    columns: tuple[str, ...] = ()

    @property
    def trigger(self) -> str:
        """How the statement begins that creates it, the same on both engines."""
        event = f"{self.event} OF {', '.join(self.columns)}" if self.columns else self.event
        return f"CREATE TRIGGER {self.name} BEFORE {event} ON {self.table} FOR EACH ROW"

    @property
    def looks_around(self) -> bool:
        """Whether the condition reads other rows."""
        return "EXISTS" in self.refused_if


def create_guards(*guards: Guard) -> None:
    """Inside a migration: adds ``guards``."""
    if op.get_bind().dialect.name == "sqlite":
        for guard in guards:
            op.execute(_on_sqlite(guard))
        return
    op.execute(_REFUSE)
    for guard in guards:
        for statement in _on_postgres(guard):
            op.execute(statement)


def drop_guards(*guards: Guard) -> None:
    """Inside a migration: removes ``guards``. The function they share stays."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    for guard in guards:
        op.execute(f"DROP TRIGGER {guard.name}" + ("" if sqlite else f" ON {guard.table}"))
        if guard.looks_around and not sqlite:
            op.execute(f"DROP FUNCTION {guard.name}()")


def _on_sqlite(guard: Guard) -> str:
    says = f"{guard.name} refuses this {guard.event} of {guard.table}"
    return f"{guard.trigger} WHEN {guard.refused_if} BEGIN SELECT RAISE(ABORT, '{says}'); END"


def _on_postgres(guard: Guard) -> list[str]:
    if guard.looks_around:
        look = _REFUSE_AFTER_A_LOOK.format(name=guard.name, refused_if=guard.refused_if)
        return [look, f"{guard.trigger} EXECUTE FUNCTION {guard.name}()"]
    return [f"{guard.trigger} WHEN ({guard.refused_if}) EXECUTE FUNCTION refuse_change()"]
