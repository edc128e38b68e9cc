"""The style sheet of the report: two themes, one column on a phone and two on a desk."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f7f7f5; --card: #ffffff; --ink: #1c2024; --soft: #5c6570; --rule: #e3e4e1;
  --blue: #1f5fa8; --blue-soft: #8fb4dc; --orange: #c2500a; --green: #1a7a4a; --empty: #f1f1ee;
  --on-strong: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --card: #1c2025; --ink: #e8eaec; --soft: #a0a8b1; --rule: #30363d;
    --blue: #6aa9e9; --blue-soft: #3d648c; --orange: #f0883e; --green: #4cc38a; --empty: #23282e;
    --on-strong: #0d1013;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1040px; margin: 0 auto; padding: 40px 20px 64px; }
header p { max-width: 44em; color: var(--soft); margin: 0 0 8px; }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -0.015em; margin: 0 0 12px; }
h2 { font-size: 1.2rem; letter-spacing: -0.005em; margin: 44px 0 4px; }
h3 { font-size: 0.95rem; margin: 0 0 10px; }
p.lead { margin: 0 0 16px; color: var(--soft); max-width: 44em; }
.eyebrow { color: var(--blue); font-weight: 600; font-size: 0.8rem; letter-spacing: 0.08em;
  text-transform: uppercase; margin: 0 0 6px; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 12px;
  padding: 20px; }
.tiles { display: grid; gap: 12px; margin-top: 28px;
  grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); }
.tile { padding: 16px 18px; }
.tile .name { display: block; font-size: 0.8rem; color: var(--soft); }
.tile .number { display: block; font-size: 1.75rem; font-weight: 650; line-height: 1.25;
  letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.tile .detail { display: block; font-size: 0.8rem; color: var(--soft); }
.tile.good .number { color: var(--green); }
.tile.bad .number { color: var(--orange); }
.pair { display: grid; gap: 16px; grid-template-columns: 1fr; }
.pair.below { margin-top: 16px; }
@media (min-width: 820px) { .pair { grid-template-columns: 1fr 1fr; } }
.chart { display: block; width: 100%; height: auto; overflow: visible; }
.chart text { font-size: 12px; fill: var(--soft); font-family: inherit; }
.chart .name { font-size: 12px; }
.chart .grid { stroke: var(--rule); }
.chart .axis { stroke: var(--soft); }
.chart .line { fill: none; stroke-linejoin: round; stroke-linecap: round; }
.chart .line.raw { stroke: var(--blue-soft); stroke-width: 1; opacity: 0.75; }
.chart .line.main { stroke: var(--blue); stroke-width: 2.25; }
.chart .line.mark { stroke: var(--green); stroke-width: 2.25; }
.chart .dot.main { fill: var(--blue); }
.chart .dot.mark { fill: var(--green); }
.chart .note { fill: var(--ink); font-size: 13px; font-weight: 650; }
.chart .target { stroke: var(--orange); stroke-dasharray: 5 4; }
.chart .target-text { fill: var(--orange); }
.heat { max-width: 460px; }
.heat .empty { fill: var(--empty); }
.heat .hit { fill: var(--blue); }
.heat .miss { fill: var(--orange); }
.heat .class { fill: var(--ink); font-weight: 600; font-size: 13px; }
.heat .weak { fill: var(--ink); font-size: 13px; }
.heat .strong { fill: var(--on-strong); font-size: 13px; font-weight: 600; }
.bar { fill: var(--blue); }
.bar.quiet { fill: var(--soft); opacity: 0.55; }
.chart text.class { fill: var(--ink); font-size: 13px; }
.chart text.value { fill: var(--ink); font-size: 13px; font-weight: 600; }
.digits { display: grid; gap: 8px; grid-template-columns: repeat(auto-fill, minmax(64px, 1fr));
  list-style: none; padding: 0; margin: 0; }
.digits li { border: 1px solid var(--rule); border-radius: 8px; padding: 6px 6px 4px;
  text-align: center; font-size: 0.8rem; line-height: 1.35; color: var(--soft);
  font-variant-numeric: tabular-nums; }
.digits li b { color: var(--ink); font-size: 1rem; }
.digits li.wrong { border: 2px solid var(--orange); padding: 5px 5px 3px; }
.digits li.wrong b { color: var(--orange); }
.digit { display: block; width: 100%; height: auto; margin-bottom: 4px; fill: var(--ink);
  background: var(--empty); border-radius: 4px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem;
  font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 9px 12px; border-bottom: 1px solid var(--rule);
  white-space: nowrap; }
th { color: var(--soft); font-weight: 600; font-size: 0.8rem; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; }
tbody tr:last-child td { border-bottom: 0; }
td.reason { text-align: left; white-space: normal; color: var(--soft); }
.ok { color: var(--green); font-weight: 600; }
.off { color: var(--orange); font-weight: 600; }
.quiet-row td { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 0;
  font-size: 0.9rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
pre { margin: 0; overflow-x: auto; font: 12.5px/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas,
  monospace; }
code { font: 0.9em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.small { font-size: 0.8rem; color: var(--soft); margin: 10px 0 0; }
footer { margin-top: 48px; padding-top: 16px; border-top: 1px solid var(--rule);
  font-size: 0.8rem; color: var(--soft); }
@media (max-width: 480px) {
  main { padding: 24px 14px 48px; }
  .card { padding: 14px; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .tile { padding: 12px 14px; }
  .tile:last-child:nth-child(odd) { grid-column: 1 / -1; }
  .tile .number { font-size: 1.4rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 8px; }
}
@media print { body { background: #ffffff; } .card { break-inside: avoid; } }
"""
