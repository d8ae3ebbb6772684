"""``report.html``: the run on one page that needs nothing beside itself.

No script, style, font or picture is fetched; a content security policy in the page forbids
it. The page reads without scripts too, only the filter needs one.
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.reporting.page import views
from harness.reporting.record import RunRecord

PAGE_FILE = "report.html"


class PageWriter:
    """Writes ``report.html``."""

    name = "HTML"

    def write(self, record: RunRecord, directory: Path) -> Path:
        """Write the report; see :class:`harness.reporting.writers.ReportWriter`."""
        template = _templates().get_template("page.html.j2")
        path = directory / PAGE_FILE
        path.write_text(template.render(page=views.page(record)), encoding="utf-8")
        return path


def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["seconds"] = views.seconds
    return templates
