"""Rules of style of the boards and of the guided tour; the others are in :mod:`tumortrace.ui.shell.style`."""

from __future__ import annotations

from typing import Final

BOARDS: Final = """
<style>
[data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] p {
  color: light-dark(#56606a, #aab4bd) !important; opacity: 1 !important; }
[data-testid="stCode"] .token:is(.parameter, .variable) { color: light-dark(#0a5f80, #63c9ef) !important; }
[data-testid="stButtonGroup"] [data-selected="true"], [data-testid="stButtonGroup"] [data-selected="true"] p,
[data-testid="stSliderThumbValue"], [data-testid="stSliderThumbValue"] p {
  color: light-dark(#5546c2, #c3baff) !important; }
.js-plotly-plot :is(.xtick, .ytick, .x2tick, .y2tick) text, .js-plotly-plot :is(.xtitle, .ytitle) {
  fill: light-dark(#4b555f, #b6c0c9) !important; }
a:focus-visible, button:focus-visible, [tabindex]:focus-visible, summary:focus-visible, .tt-scroll:focus-visible {
  outline: 3px solid #8a7bf0 !important; outline-offset: 2px; }
.tt-board { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.tt-board th, .tt-board td { border: 0; border-bottom: 1px solid color-mix(in srgb, currentColor 14%, transparent);
  padding: .5rem .6rem; text-align: right; vertical-align: middle; }
.tt-board tr > :first-child { text-align: left; padding-left: 0; width: 34%; }
.tt-board tr > :last-child { padding-right: 0; width: 9.5rem; white-space: nowrap; }
.tt-board thead > tr > * { font-size: .92rem; font-weight: 600; padding-top: 0; padding-bottom: .25rem; }
.tt-board tbody th { font-size: 1.3rem; font-weight: 620; line-height: 1.2; }
.tt-board tbody b { font-size: 2rem; font-weight: 700; line-height: 1.1; letter-spacing: -.01em; }
.tt-board small { display: block; font-size: .92rem; font-weight: 400; opacity: .85; line-height: 1.3; }
.tt-board tbody tr:first-child th { font-size: 1.5rem; }
.tt-board tbody tr:first-child b { font-size: 2.6rem; }
.tt-board .tt-faint th, .tt-board .tt-faint b { font-weight: 500; }
.tt-board .tt-faint b { font-size: 1.5rem; }
.tt-axis { display: flex; justify-content: space-between; font-weight: 400; font-size: .85rem; opacity: .85; }
.tt-axis i { font-style: normal; }
.tt-rail { display: block; position: relative; height: 1.5rem; min-width: 5rem; }
.tt-rail::before { content: ""; position: absolute; left: 0; right: 0; top: calc(50% - 1px); height: 2px;
  background: color-mix(in srgb, currentColor 16%, transparent); }
.tt-range { position: absolute; top: 25%; height: 50%; border-radius: .4rem; opacity: .45;
  background: light-dark(#5546c2, #9d90ff); }
.tt-point { position: absolute; top: 50%; width: 1rem; height: 1rem; margin: -.5rem 0 0 -.5rem; border-radius: 50%;
  background: light-dark(#5546c2, #9d90ff); border: 2px solid light-dark(#fff, #0f171f); box-sizing: border-box; }
.tt-faint .tt-range, .tt-faint .tt-point { background: #808890; }
.tt-board.tt-large tbody th { font-size: 1.9rem; } .tt-board.tt-large tbody b { font-size: 2.9rem; }
.tt-board.tt-large tbody tr:first-child b { font-size: 3.8rem; }
.tt-board.tt-large small { font-size: 1.15rem; } .tt-board.tt-large tr > :last-child { width: 14rem; }
.tt-board.tt-large thead > tr > *, .tt-board.tt-large .tt-axis { font-size: 1.15rem; }
.tt-says { margin: .4rem 0 .2rem; border-left: 4px solid #6f5ce2; padding: .1rem 0 .1rem 1rem; max-width: 68rem; }
.tt-says h4 { font-size: 1.1rem; margin: 0 0 .2rem; padding: 0; }
.tt-says p { font-size: 1.12rem; line-height: 1.5; margin: 0; }
.tt-head { margin: .3rem 0 0; padding: 0; font-size: 1.1rem; font-weight: 650; line-height: 1.25; }
.tt-head small { display: block; font-size: .86rem; font-weight: 400; opacity: .85; }
.tt-scale { display: flex; align-items: center; gap: .6rem; font-size: .92rem; }
.tt-scale i { width: 9rem; height: .8rem; border-radius: .4rem; }
.tt-report td { min-width: 4.6rem; } .tt-report td:last-child { min-width: 2.5rem; }
.tt-report.tt-table th, .tt-report.tt-table td { padding: .4rem .45rem; }
.tt-report.tt-table tbody th { text-align: left; white-space: normal; }
.tt-report b { font-size: 1.05rem; font-weight: 650; } .tt-report .tt-track { display: block; margin: .25rem 0 0; }
.tt-report .tt-fill { display: block; } .tt-report .tt-chip { margin: 0; font-weight: 600; }
.tt-report small { white-space: nowrap; } .tt-report td.tt-one small { display: inline; margin-left: .5rem; }
@media (max-width: 1000px) {
  .tt-board tbody th { font-size: 1.12rem; } .tt-board tbody tr:first-child th { font-size: 1.2rem; }
  .tt-board tbody b { font-size: 1.6rem; } .tt-board tbody tr:first-child b { font-size: 2rem; }
  .tt-board tr > :last-child { width: 7.5rem; }
  .tt-scroll > .tt-table tr > :first-child { position: sticky; left: 0; z-index: 1;
    background: light-dark(#ffffff, #0f171f); }
}
</style>
"""

STAGE: Final = """
<style>
html { font-size: 19px; }
[data-testid="stHeader"], [data-testid="stSidebar"], [data-testid="stExpandSidebarButton"] { display: none !important; }
.block-container { padding-top: 1.2rem; padding-bottom: 9rem; max-width: 1500px; }
.block-container h1 { font-size: 2.5rem; padding: 0 0 .2rem; }
.tt-stage-lead { font-size: 1.3rem; line-height: 1.4; margin: 0 0 .4rem; max-width: 62rem; opacity: .9; }
.tt-stage-text { font-size: 1.25rem; line-height: 1.45; margin: .1rem 0; max-width: 62rem; }
.tt-stage-small { font-size: .92rem; opacity: .85; margin: 0; }
.tt-stage-name .tt-chip { font-size: 1.6rem; font-weight: 650; margin: 0; }
.tt-stage-name .tt-dot { width: 1.1rem; height: 1.1rem; }
.tt-stage-name small { display: block; font-size: 1.05rem; }
.tt-side { text-align: center; font-size: 1.25rem; font-weight: 650; border-radius: .5rem; padding: .15rem;
  border: 2px solid currentColor; }
.tt-side.tt-trained { opacity: .8; border-style: dashed; font-weight: 500; }
.tt-side.tt-tested { background: light-dark(#16222e, #e6edf2); color: light-dark(#ffffff, #0f171f); }
.tt-figures dd { font-size: 1.7rem; } .tt-figures dd.tt-long { font-size: 1.2rem; }
.st-key-tour-bar { position: fixed; left: 0; right: 0; bottom: 0; z-index: 90; padding: .5rem 2rem .6rem;
  background: light-dark(#ffffff, #0f171f); width: 100% !important;
  border-top: 1px solid color-mix(in srgb, currentColor 18%, transparent); gap: .3rem; }
.tt-speaker { font-size: 1.15rem; margin: 0; padding: .35rem .8rem; border-radius: .5rem;
  background: color-mix(in srgb, #6f5ce2 16%, transparent); }
.st-key-tour-dots button { border-radius: 50%; width: 2.3rem; min-width: 2.3rem; height: 2.3rem; min-height: 2.3rem;
  padding: 0; }
@media (max-width: 1000px) {
  html { font-size: 16px; }
  [class*="st-key-pair-stage-three"] [data-testid="stColumn"] { min-width: calc(33% - 1rem) !important; }
  [class*="st-key-pair-stage-trio"] [data-testid="stColumn"] { min-width: calc(25% - 1rem) !important; }
  [class*="st-key-pair-stage-pair"] [data-testid="stColumn"] { min-width: calc(50% - 1rem) !important; }
  .block-container h1 { font-size: 1.9rem; } .block-container { padding-bottom: 12rem; }
  .st-key-tour-bar { padding: .4rem .8rem; }
}
</style>
"""
