"""The few rules of style that the theme cannot say, and the small pieces of HTML that use them.

Colours come from the reader's theme through ``currentColor``, so both light and dark work; only the class colours are
given. Everything that came from outside is escaped here.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tumortrace.charts import theme
from tumortrace.constants import CLASSES
from tumortrace.errors import TumorTraceError

CSS = """
<style>
.block-container { padding-top: 3.2rem; padding-bottom: 3rem; max-width: 1320px; }
[data-testid="stSidebarContent"] hr { margin: .6rem 0; }
[data-testid="stSidebarUserContent"] { padding-top: 0; }
[data-testid="stSidebarHeader"] { height: 2.2rem; padding-bottom: 0; }
[class*="st-key-tiles"] button, .st-key-mine button { min-height: 1.6rem; padding: 0; }
.tt-list { display: flex; flex-direction: column; gap: .15rem; }
.tt-figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.2rem, 1fr)); gap: .6rem; }
.st-key-facts .tt-figures { grid-template-columns: repeat(auto-fit, minmax(6.9rem, 1fr)); }
.tt-figures > div { border: 1px solid color-mix(in srgb, currentColor 14%, transparent); border-radius: .6rem;
  padding: .45rem .75rem .5rem; }
.tt-figures small { display: block; font-size: .82rem; opacity: .8; line-height: 1.25; }
.tt-figures dt { font-size: .82rem; opacity: .75; }
.tt-figures dd { margin: 0; font-size: 1.3rem; line-height: 1.3; font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere; }
.tt-figures dd.tt-long { font-size: .92rem; line-height: 1.25; padding-top: .2rem; }
.tt-brand { font-size: 1.35rem; font-weight: 750; letter-spacing: -.01em; line-height: 1.2; }
.tt-brand small { display: block; font-size: .8rem; font-weight: 400; opacity: .75; letter-spacing: 0; }
.tt-lead { font-size: 1.06rem; opacity: .85; margin: -.5rem 0 .4rem; max-width: 62rem; }
.tt-chip { display: inline-flex; align-items: center; gap: .4rem; margin: 0 .9rem .15rem 0; font-size: .9rem;
  white-space: nowrap; }
.tt-mistake { font-size: .82rem; line-height: 1.35; }
.tt-tags { display: flex; flex-wrap: wrap; gap: .2rem; margin: .1rem 0; }
.tt-tag { font-size: .76rem; line-height: 1.3; padding: .05rem .45rem; border-radius: .8rem;
  border: 1px solid color-mix(in srgb, currentColor 45%, transparent); overflow-wrap: anywhere; }
.tt-noted { font-size: .9rem; border-left: 3px solid color-mix(in srgb, currentColor 30%, transparent);
  padding: .1rem .7rem; margin: .1rem 0; }
.tt-noted header { font-size: .82rem; opacity: .8; overflow-wrap: anywhere; }
.tt-noted p { margin: .15rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.tt-mini { display: block; height: .34rem; border-radius: .2rem; overflow: hidden; min-width: 4.5rem;
  margin-top: .15rem; background: color-mix(in srgb, currentColor 10%, transparent); }
.tt-mini i { display: block; height: 100%; }
.tt-table tr.tt-here > * { background: color-mix(in srgb, currentColor 9%, transparent); }
.tt-fare { font-size: .78rem; line-height: 1.25; }
.tt-dot { display: inline-block; width: .72rem; height: .72rem; border-radius: 50%; flex: none; }
.tt-note { border-left: 4px solid; border-radius: .4rem; padding: .6rem .9rem; margin: .1rem 0 .5rem;
  background: color-mix(in srgb, currentColor 5%, transparent); font-size: .95rem; }
.tt-note b { font-weight: 650; }
.tt-synthetic { border-color: #d98e04; }
.tt-warn { border-color: #d98e04; }
.tt-good { border-color: #1d8a4c; }
.tt-answer { display: flex; flex-wrap: wrap; align-items: baseline; gap: .35rem .9rem; margin: .1rem 0 .3rem; }
.tt-answer .tt-chip { font-size: 1.75rem; font-weight: 680; line-height: 1.2; }
.tt-answer .tt-dot { width: 1rem; height: 1rem; }
.tt-answer b { font-size: 1.75rem; font-weight: 680; font-variant-numeric: tabular-nums; }
.tt-answer > span:last-child { font-size: .95rem; opacity: .8; }
.tt-set { margin: .25rem 0; font-size: .98rem; }
.tt-set small { display: block; font-size: .8rem; opacity: .75; }
.tt-info { border-color: color-mix(in srgb, currentColor 35%, transparent); }
.tt-error { border-color: #d6455d; }
.tt-error code { overflow-wrap: anywhere; white-space: normal; }
.tt-error p { margin: .25rem 0 0; }
.tt-field { color: #dd4660; font-size: .86rem; margin: -.75rem 0 .3rem; font-weight: 550; }
.tt-foot { font-size: .82rem; opacity: .72; border-top: 1px solid color-mix(in srgb, currentColor 15%, transparent);
  padding-top: .7rem; margin-top: 1.2rem; }
.tt-bars { display: grid; grid-template-columns: 1fr auto; gap: .08rem .6rem; align-items: center;
  font-size: .92rem; }
.tt-track { grid-column: 1 / -1; height: .62rem; margin-bottom: .3rem; border-radius: .36rem; overflow: hidden;
  background: color-mix(in srgb, currentColor 10%, transparent); }
.tt-fill { height: 100%; border-radius: .36rem; min-width: 2px; }
.tt-number { font-variant-numeric: tabular-nums; text-align: right; }
.tt-top { font-weight: 680; }
.tt-scroll { overflow-x: auto; border: 1px solid color-mix(in srgb, currentColor 14%, transparent);
  border-radius: .6rem; }
.tt-table { border-collapse: collapse; width: 100%; font-size: .88rem; line-height: 1.3;
  font-variant-numeric: tabular-nums; }
.tt-table th, .tt-table td { padding: .4rem .7rem; text-align: right; vertical-align: top; border: 0;
  border-bottom: 1px solid color-mix(in srgb, currentColor 10%, transparent); }
.tt-table thead th { font-weight: 600; font-size: .82rem; vertical-align: bottom; line-height: 1.2;
  background: color-mix(in srgb, currentColor 5%, transparent); }
.tt-table .tt-text { text-align: left; }
.tt-table td.tt-text { min-width: 7rem; }
.tt-table td:not(.tt-text), .tt-table th { white-space: nowrap; }
.tt-table thead th, .tt-table th.tt-wrap { white-space: normal; }
.tt-table tbody th { font-weight: 600; }
.tt-table tr:last-child > * { border-bottom: 0; }
.tt-table small { display: block; font-size: .78rem; font-weight: 400; opacity: .72; }
.tt-table .tt-group th { background: color-mix(in srgb, currentColor 5%, transparent); text-align: left;
  font-weight: 600; font-size: .84rem; white-space: normal; }
.tt-table .tt-faint > * { opacity: .8; }
@media (max-width: 1000px) {
  .tt-table tbody th { white-space: normal; min-width: 7.5rem; }
}
.tt-table .tt-strong { font-weight: 650; }
.tt-table a { color: inherit; }
.tt-said { font-size: 1.08rem; line-height: 1.4; margin: .2rem 0 .3rem; max-width: 58rem; }
.tt-state { display: inline-block; padding: .1rem .6rem; border-radius: 1rem; font-size: .84rem; font-weight: 620;
  border: 1px solid; }
@media (max-width: 1000px) {
  section[data-testid="stSidebar"] { width: 200px !important; min-width: 200px !important; }
  .block-container { padding-left: 1.4rem; padding-right: 1.4rem; }
  [data-testid="stColumn"] { min-width: 10.5rem !important; }
  [class*="st-key-pair"] [data-testid="stColumn"] { min-width: 100% !important; }
  [class*="st-key-pair-trio"] [data-testid="stColumn"] { min-width: 0 !important;
    flex: 0 0 calc(50% - .5rem) !important; }
}
.tt-finished { color: #1d8a4c; } .tt-running, .tt-preparing, .tt-created { color: #0b8ca3; }
.tt-queued, .tt-cancelled { color: color-mix(in srgb, currentColor 70%, transparent); }
.tt-stopped { color: #b07a05; } .tt-failed, .tt-crashed { color: #d6455d; }
</style>
"""


def legend() -> str:
    """The three classes with their colours, by name and never by colour alone."""
    return f'<div class="tt-list">{"".join(class_chip(index) for index in range(len(CLASSES)))}</div>'


def plain_chip(text: str) -> str:
    """Something that is no class."""
    return f'<span class="tt-chip">{escape(text)}</span>'


def class_chip(label: int, more: str = "") -> str:
    """One class: its dot and its name, and what is said of it."""
    return f'<span class="tt-chip">{_dot(CLASSES[label])}{CLASSES[label]}{escape(more)}</span>'


def _dot(name: str) -> str:
    return f'<span class="tt-dot" style="background:{theme.CLASS_COLOURS[name]}" aria-hidden="true"></span>'


def note(text: str, kind: str = "info", title: str | None = None) -> str:
    """HTML of a framed sentence.

    Args:
        text: Plain text; escaped.
        kind: ``info``, ``warn``, ``synthetic`` or ``error``.
        title: Set in bold before it.
    """
    head = f"<b>{escape(title)}</b> " if title else ""
    return f'<div class="tt-note tt-{kind}" role="note">{head}{escape(text)}</div>'


def heading(text: str, note: str = "") -> str:
    """A small heading with a note under it."""
    small = f"<small>{escape(note)}</small>" if note else ""
    return f'<h4 class="tt-head">{escape(text)}{small}</h4>'


def error_box(error: TumorTraceError) -> str:
    """What went wrong, with which value, and what to do."""
    value = str(error.value)
    shown = value if len(value) <= 300 else value[:297] + "..."
    what = escape(error.what[:1].upper() + error.what[1:])
    return (
        f'<div class="tt-note tt-error" role="alert"><b>{what}</b>'
        f"<p><code>{escape(shown)}</code></p><p>{escape(error.remedy)}</p></div>"
    )


def field_error(message: str) -> str:
    """One message, to stand under its field."""
    said = message.replace("Input should be", "Must be")
    return f'<div class="tt-field" role="alert">{escape(said[:1].upper() + said[1:])}.</div>'


def state_chip(state: str) -> str:
    """HTML of a chip with the state of a run."""
    return f'<span class="tt-state tt-{escape(state)}">{escape(state)}</span>'


def figures(cells: Sequence[tuple[str, ...]]) -> str:
    """Labelled figures in a row that wraps; long ones in smaller type instead of cut off.

    Args:
        cells: Label and figure of each, and optionally a note that stands under it.
    """
    parts = []
    for label, text, *notes in cells:
        size = " class=tt-long" if len(text) > 9 else ""
        small = "".join(f"<small>{escape(note)}</small>" for note in notes)
        parts.append(f"<div><dt>{escape(label)}</dt><dd{size}>{escape(text)}{small}</dd></div>")
    return f'<dl class="tt-figures" style="margin:0;padding:0">{"".join(parts)}</dl>'


def mistaken(label: int, predicted: int, confidence: float, beside: str = "") -> str:
    """A tile's line: the true class, the predicted one, how sure, and what else there is to say."""
    said = f"{_dot(CLASSES[predicted])} {CLASSES[predicted]}, {confidence:.0%}"
    more = f"<br>{escape(beside)}" if beside else ""
    return f'<div class="tt-mistake">is {_dot(CLASSES[label])} {CLASSES[label]}<br>said {said}{more}</div>'


def tagged(tags: Sequence[str]) -> str:
    """A slice's tags; a slice with a comment alone says that it has a note."""
    chips = "".join(f'<span class="tt-tag">{escape(tag)}</span>' for tag in tags or ("note",))
    return f'<div class="tt-tags" role="note" aria-label="Notes">{chips}</div>'


def noted(author: str, when: str, tags: Sequence[str], comment: str) -> str:
    """One note, as it was typed."""
    said = f"<p>{escape(comment)}</p>" if comment else ""
    return (
        f'<div class="tt-noted"><header>{escape(author)} · {escape(when)}</header>'
        f"{tagged(tags) if tags else ''}{said}</div>"
    )


def tile(label: int, said: str) -> str:
    """A tile's lines: its class, and what else is said of it."""
    return f'<div class="tt-mistake">{_dot(CLASSES[label])} {CLASSES[label]}<br>{escape(said)}</div>'


def doubted(label: int, suggested: int) -> str:
    """A tile's line: the class as labelled, and what the models would rather say."""
    return (
        f'<div class="tt-mistake">labelled {_dot(CLASSES[label])} {CLASSES[label]}<br>'
        f"rather {_dot(CLASSES[suggested])} {CLASSES[suggested]}</div>"
    )


def probability_bars(probabilities: Sequence[float], truth: int | None = None) -> str:
    """The three probabilities as labelled bars; the largest in bold, the true class marked."""
    top = max(range(len(CLASSES)), key=lambda index: probabilities[index])
    rows = []
    for index, name in enumerate(CLASSES):
        share = float(probabilities[index])
        mark = " (true)" if index == truth else ""
        bold = " tt-top" if index == top else ""
        fill = f'<div class="tt-fill" style="width:{share:.1%};background:{theme.CLASS_COLOURS[name]}"></div>'
        rows.append(
            f'<span class="{bold.strip()}">{name}{mark}</span><span class="tt-number{bold}">{share:.1%}</span>'
            f'<div class="tt-track">{fill}</div>'
        )
    label = ", ".join(f"{name} {float(probabilities[i]):.1%}" for i, name in enumerate(CLASSES))
    return f'<div class="tt-bars" role="img" aria-label="Probabilities: {label}">{"".join(rows)}</div>'


def footer(lines: Sequence[str]) -> str:
    """The small print at the end of a page; the line is there without any."""
    return f'<div class="tt-foot">{"<br>".join(escape(line) for line in lines)}</div>'
