"""The one static style sheet of all pages; it holds no data."""

from __future__ import annotations

from experiments_core.charts.theme import DARK, LIGHT

COLOURS = (
    "background", "surface", "text", "muted", "line", "hair", "accent", "better", "worse",
    "neutral", "warning", "warning_text", "tint_better", "tint_worse", "tint_warning",
    "tint_grey",
)  # fmt: skip
_PALETTE = " ".join(
    f"--u-{name.replace('_', '-')}: light-dark({getattr(LIGHT, name)}, {getattr(DARK, name)});"
    for name in COLOURS
)

STREAMLIT = """
.stMainBlockContainer { max-width: calc(1240px + 2 * clamp(16px, 4vw, 52px));
  padding-left: clamp(16px, 4vw, 52px); padding-right: clamp(16px, 4vw, 52px); }
.stMainBlockContainer > .stVerticalBlock { container: upshot-page / inline-size; }
@container upshot-page (max-width: 839px) { [class*="st-key-wide-"] { display: none; } }
.stMarkdown p { max-width: 820px; }
h1 { padding: 0.25rem 0 !important; }
[data-testid="stProgressBarTrack"] { height: 4px; }
[data-testid="stSidebarNavLink"]:focus-visible { outline: 2px solid var(--u-accent);
  outline-offset: -2px; }
.st-key-wide-scorecard .modebar-container { top: calc(100% - 30px) !important; }
[class*="st-key-tab-"], [class*="st-key-tab-"] :is(.stButtonGroup, [role="radiogroup"]) {
  width: 100% !important; max-width: none; }
[class*="st-key-tab-"] [role="radiogroup"] { gap: 0 1.1rem;
  border-bottom: 1px solid var(--u-line); }
[class*="st-key-tab-"] [role="radio"][aria-checked] { margin: 0 0 -1px; padding: 0.35rem 0;
  border: 0; border-bottom: 2px solid transparent; border-radius: 0; background: none; }
[class*="st-key-tab-"] [role="radio"][aria-checked="true"] { border-color: var(--u-accent); }
.st-key-foot { margin-top: 2rem; padding-top: 1.5rem; border-top: 1px solid var(--u-line); }
.st-key-foot .u-block > * { margin-bottom: 0.25rem; }
.st-key-foot .stElementContainer:has(.stHtml) { flex: 1 1 320px; }
a.upshot-door { display: inline-block; padding: 0.4rem 0.8rem; border-radius: 0.25rem;
  background: #2A4FA3; color: #FFFFFF !important; text-decoration: none !important; }
a.upshot-quiet { background: none; color: inherit !important; padding: 0.4rem 0;
  text-decoration: underline !important; }
@media (prefers-color-scheme: dark) {
  a.upshot-door:not(.upshot-quiet) { background: #8FB1F5; color: #11161C !important; }
  button[kind="primary"]:enabled, button[kind="primary"]:enabled p,
  button[kind="primaryFormSubmit"]:enabled p { color: #11161C !important; }
}
"""
BLOCKS = """
.u-block > * { margin: 0 0 1rem; }
.u-block > :last-child { margin-bottom: 0; }
.u-block > p { max-width: 820px; }
.u-block :is(h1, h2) { margin: 0; font-family: "Source Serif", serif; font-weight: 600;
  line-height: 1.2; }
.u-block h1 { font-size: 26px; margin-bottom: 0.5rem; }
.u-block h2 { font-size: 19.5px; padding: 0.5rem 0; }
.u-block > hr { margin: 1rem 0; }
.u-muted { color: var(--u-muted); }
.u-note { color: var(--u-muted); font-size: 0.875rem; }
.u-better { color: var(--u-better); } .u-worse { color: var(--u-worse); }
.u-warning { color: var(--u-warning-text); }
.u-part { padding-top: 0.75rem; }
.u-badges { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 1rem; }
.u-badges span[class*="u-is-"] { padding: 0.1rem 0.4rem; border-radius: 4px;
  font-size: 0.875rem; }
.u-is-better { color: var(--u-better); background: var(--u-tint-better); }
.u-is-worse { color: var(--u-worse); background: var(--u-tint-worse); }
.u-is-warning { color: var(--u-warning-text); background: var(--u-tint-warning); }
.u-is-neutral { color: var(--u-muted); background: var(--u-tint-grey); }
.u-checks { display: flex; flex-wrap: wrap; gap: 0 0.75rem; font-size: 13px; }
.u-checks > button { min-height: 1.75rem; padding: 0; border: 0; background: none;
  color: inherit; font: inherit; cursor: pointer; text-align: left; }
.u-block :is(button, summary):hover { color: var(--u-accent); }
.u-block :is(button, summary):focus-visible { outline: 2px solid var(--u-accent);
  outline-offset: 2px; border-radius: 4px; }
.u-card { inset: auto; margin: 4px 0; position-area: block-end span-inline-end;
  position-try-fallbacks: flip-inline, flip-block; box-sizing: border-box;
  width: min(28rem, calc(100vw - 32px)); max-height: 60vh; overflow: auto; padding: 1rem;
  border: 1px solid var(--u-line); border-radius: 4px; font-size: 1rem;
  background: var(--u-background); color: var(--u-text); }
.u-card > * { margin: 0 0 0.5rem; } .u-card > :last-child { margin: 0; }
.u-bars { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(220px, 100%), 1fr));
  gap: 1rem; }
.u-bars p { margin: 0 0 0.5rem; } .u-bars .u-bar + p { margin: 0.35rem 0 0; }
.u-bar { height: 4px; border-radius: 4px; background: var(--u-surface); overflow: hidden; }
.u-bar > div { height: 100%; background: var(--u-accent); }
.u-rows { overflow-x: auto; }
.u-rows table { width: 100%; border-collapse: collapse; margin: 0; }
.u-rows :is(th, td) { padding: 0.4rem 0.5rem; border: 0; border-bottom: 1px solid var(--u-line);
  text-align: left; font-size: 0.9375rem; }
details .u-rows :is(th, td) { font-size: 13px; }
.u-rows th { color: var(--u-muted); font-weight: 400; }
.u-rows.u-right :is(th, td):not(:first-child, .u-left),
.u-rows .u-number:not(:first-child) { text-align: right; white-space: nowrap; }
.u-rows td.u-left { min-width: 8rem; }
.u-block summary { display: inline-flex; align-items: center; gap: 0.5rem; cursor: pointer;
  list-style: none; color: var(--u-muted); font-size: 0.875rem; padding: 0.25rem 0; }
.u-block summary::-webkit-details-marker { display: none; }
.u-block summary::after { content: "chevron_right"; }
.u-icon, .u-block summary::after { font-family: "Material Symbols Rounded"; font-size: 1.1rem;
  line-height: 1; font-feature-settings: "liga"; text-transform: none; white-space: nowrap; }
.u-block details[open] > summary::after { transform: rotate(90deg); }
"""
CSS = f"<style>.stApp {{ {_PALETTE} }}{STREAMLIT}{BLOCKS}</style>"
