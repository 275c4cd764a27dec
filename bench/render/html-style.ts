/** Style of the report: one column that a phone and a printer hold, light or dark as the reader has it. */
export const reportStyle = `
:root { color-scheme: light dark; --ink: #1b1f24; --muted: #57606a; --paper: #fff; --line: #d8dee4; --shade: #f6f8fa; --link: #0550ae }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --muted: #9da7b3; --paper: #0d1117; --line: #30363d; --shade: #161b22; --link: #79c0ff }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 62rem; color: var(--ink); background: var(--paper); font: 1rem/1.55 system-ui, sans-serif }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .25rem }
h2 { font-size: 1.35rem; margin: 2.5rem 0 .5rem; padding-top: .5rem; border-top: 1px solid var(--line) }
p, li { max-width: 46rem }
a { color: var(--link) }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem }
.muted { color: var(--muted) }
.scroll { overflow-x: auto; margin: 1rem 0 }
.scroll:focus-visible, a:focus-visible, button:focus-visible, summary:focus-visible { outline: 3px solid var(--link); outline-offset: 2px }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .93rem }
caption { text-align: left; color: var(--muted); padding-bottom: .35rem }
th, td { padding: .3rem .75rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
thead th { background: var(--shade); font-weight: 600; white-space: nowrap }
tbody th { font-weight: 600 }
img { max-width: 100%; height: auto; background: #fff; border: 1px solid var(--line); border-radius: 4px }
figure { margin: 1rem 0 }
pre, code { font: .9rem ui-monospace, monospace }
pre { background: var(--shade); padding: .6rem .8rem; overflow-x: auto; border-radius: 4px }
button { font: inherit; padding: .35rem .8rem; border: 1px solid var(--line); border-radius: 4px; background: var(--shade); color: var(--ink) }
.verdict { font-weight: 600; white-space: nowrap }
@media print { body { max-width: none; padding: 0 } nav, button { display: none } h2 { break-after: avoid } tr, figure { break-inside: avoid } .scroll { overflow: visible } }
`
