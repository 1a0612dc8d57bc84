"""Where an imported model is from, in words."""

from __future__ import annotations

from core.system.files import JsonObject


def imported_text(record: JsonObject) -> str:
    """Source and licence of an imported model, as noted; empty for a trained one."""
    imported = record.get("imported")
    if not isinstance(imported, dict):
        return ""
    licence = imported.get("licence")
    return f"from {imported.get('source')}" + (f", licence {licence}" if licence else "")
