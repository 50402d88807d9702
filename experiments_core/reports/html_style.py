"""The style sheet of the HTML report: a ruled page, two colour schemes, print."""

STYLE = """
*{box-sizing:border-box}
body{margin:0;background:var(--background);color:var(--text);
font:15px/1.5 "Source Sans 3","Source Sans Pro",system-ui,sans-serif;
font-variant-numeric:tabular-nums}
main{max-width:1180px;margin:0 auto;padding:32px clamp(16px,4vw,52px)}
h1,h2{font-family:"Source Serif 4","Source Serif Pro",Georgia,serif;font-weight:600}
h1{font-size:26px;line-height:1.25;margin:8px 0 12px;max-width:820px}
h2{font-size:19.5px;margin:32px 0 8px}
p{margin:4px 0;max-width:820px}
small{font-size:12.5px;color:var(--muted)}
.kicker{color:var(--muted)}
.badge{padding:2px 8px;border-radius:4px;background:var(--tint-grey);color:var(--muted)}
.badge.better{background:var(--tint-better);color:var(--better)}
.badge.worse{background:var(--tint-worse);color:var(--worse)}
.badge.warning{background:var(--tint-warning);color:var(--warning-text)}
.better{color:var(--better)}.worse{color:var(--worse)}.warning{color:var(--warning)}
.neutral{color:var(--neutral)}.muted{color:var(--muted)}
.checks{list-style:none;padding:0;display:grid;gap:4px 24px;
grid-template-columns:repeat(auto-fill,minmax(280px,1fr))}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 24px;margin:0}
dt{color:var(--muted)}dd{margin:0;overflow-wrap:anywhere}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:8px 12px 8px 0;
border-bottom:1px solid var(--line)}
thead th{border-bottom:1.5px solid var(--text);font-weight:600;font-size:12.5px;
color:var(--muted);vertical-align:bottom}
.group th{border-bottom:1px solid var(--line);padding-top:16px}
.scorecard{min-width:900px}
.number{text-align:right;white-space:nowrap}
.verdict{white-space:nowrap}
.panel{width:252px;font-size:12.5px;color:var(--muted)}
.plain td{font-size:13px;white-space:nowrap}
svg{display:block;width:240px;overflow:visible}
svg text{font-size:12px;fill:var(--muted);text-anchor:middle}
line.grid{stroke:var(--hair)}line.zero{stroke:var(--muted);stroke-width:1.2}
line.limit{stroke:var(--warning);stroke-width:1.2;stroke-dasharray:3 2}
line.span{stroke:currentColor;stroke-width:6}line.span.open{stroke-opacity:.55}
rect{fill:var(--harm)}
circle{stroke:var(--background);stroke-width:2;fill:currentColor}
circle.open{fill:var(--background);stroke:currentColor}
path.end{fill:currentColor}
pre{background:var(--surface);padding:12px;overflow-x:auto;
font:12.5px/1.45 "Source Code Pro",ui-monospace,monospace}
@media print{main{padding:0;max-width:none}section{break-inside:avoid}
.wide,pre{overflow:visible}pre{white-space:pre-wrap}}
"""
