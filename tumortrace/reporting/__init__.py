"""What a user takes away: PDF, self-contained HTML, CSV and JSON lines. Made in memory; nothing is written."""

from tumortrace.reporting.html import html
from tumortrace.reporting.pdf import pdf
from tumortrace.reporting.report import CaseLine, ModelLine, Picture, Report, SliceReport
from tumortrace.reporting.tables import csv, json_lines

__all__ = ["CaseLine", "ModelLine", "Picture", "Report", "SliceReport", "csv", "html", "json_lines", "pdf"]
