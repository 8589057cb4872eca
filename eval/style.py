"""How the report looks, in light and dark, on wide screens and narrow ones."""

STYLE = """
:root {
  --paper: #fbfaf7; --card: #ffffff; --ink: #1d2126; --quiet: #5b6570; --rule: #dedad1;
  --s0: #0b62a8; --s1: #b4540a; --bad: #a3243b; --mark: #eef3f8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --card: #1c2024; --ink: #e6e3dc; --quiet: #a0a8b0; --rule: #343a40;
    --s0: #6db3f2; --s1: #f0a35e; --bad: #f28b9d; --mark: #22303c;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1320px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 1.5rem; margin: 0 0 8px; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 36px 0 10px; }
.facts { color: var(--quiet); font-size: .87rem; overflow-wrap: anywhere; max-width: 90ch; }
.tiles { display: grid; gap: 10px; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); }
.tile { background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
  padding: 10px 12px; display: flex; flex-direction: column; }
.tile strong { font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { font-size: .85rem; }
small { color: var(--quiet); font-size: .78rem; }
.wide { overflow-x: auto; width: fit-content; max-width: 100%; background: var(--card);
  border: 1px solid var(--rule); border-radius: 8px; }
table { border-collapse: collapse; min-width: min(100%, 480px);
  font-variant-numeric: tabular-nums; }
th, td { padding: 5px 9px; text-align: right; border-top: 1px solid var(--rule);
  white-space: nowrap; }
thead th { border-top: 0; color: var(--quiet); font-weight: 600; font-size: .85rem; }
th:first-child { text-align: left; font-weight: 500; position: sticky; left: 0;
  background: var(--card); min-width: 9.5em; max-width: 46vw; white-space: normal;
  overflow-wrap: break-word; }
td small { margin-left: 5px; }
.plots { display: grid; gap: 14px; max-width: 1100px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); }
figure { margin: 0; background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
  padding: 12px; min-width: 0; }
figcaption { display: flex; flex-wrap: wrap; gap: 2px 12px; font-size: .85rem;
  color: var(--quiet); margin-bottom: 6px; }
figcaption strong { color: var(--ink); }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--quiet); font-size: 12px; }
.grid { stroke: var(--rule); } .axis { stroke: var(--quiet); }
.diagonal { stroke: var(--quiet); stroke-dasharray: 4 4; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.series-0 { stroke: var(--s0); } .line.series-1 { stroke: var(--s1); }
.dot.series-0 { fill: var(--s0); fill-opacity: .75; }
.key { display: inline-block; width: 14px; height: 3px; margin-right: 5px; vertical-align: middle; }
.key.series-0 { background: var(--s0); } .key.series-1 { background: var(--s1); }
.failure { background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
  margin-bottom: 8px; }
.failure > summary { cursor: pointer; padding: 8px 12px; display: flex; flex-wrap: wrap;
  gap: 4px 12px; align-items: baseline; }
.asked { flex: 1 1 300px; min-width: 0; overflow-wrap: anywhere; }
.label { color: var(--bad); font-weight: 600; font-size: .85rem; min-width: 5.5em; }
dl { margin: 0; padding: 4px 12px 12px; display: grid; gap: 8px 14px;
  grid-template-columns: minmax(70px, max-content) minmax(0, 1fr); }
dt { color: var(--quiet); font-size: .85rem; }
dd { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
dd ol { margin: 0; padding-left: 1.4em; white-space: normal; }
.read { white-space: normal; }
.read summary { cursor: pointer; }
.read details[open] { background: var(--mark); border-radius: 6px; padding: 6px 8px; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; margin: 6px 0 0; }
a { color: var(--s0); overflow-wrap: anywhere; }
@media (max-width: 560px) {
  dl { grid-template-columns: minmax(0, 1fr); gap: 2px; }
  dd { margin-bottom: 8px; }
  td small { display: block; margin: 0; }
  svg text { font-size: 14px; }
}
"""
