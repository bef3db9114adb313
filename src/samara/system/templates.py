"""The templates of pages and drawings: every value is escaped, and a missing one is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samara.system.extras import require

if TYPE_CHECKING:
    from jinja2 import Template

EXTRA = "report"


def template(name: str) -> Template:
    """Load a template by its path inside the package.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    require("jinja2", EXTRA, "a report's page")
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # Names are untrusted, so everything is escaped, whatever the template's suffix.
    environment = Environment(
        loader=PackageLoader("samara", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
