/** Style of the report: one column that a phone and a printer hold, light or dark as the reader has it. */
export const reportStyle = `
:root { color-scheme: light dark; --ink: #1b1f24; --muted: #57606a; --paper: #fff; --line: #d8dee4; --shade: #f6f8fa; --link: #0550ae; --good: #116329; --bad: #a40e26 }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --muted: #9da7b3; --paper: #0d1117; --line: #30363d; --shade: #161b22; --link: #79c0ff; --good: #56d364; --bad: #ff9a94 }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 72rem; color: var(--ink); background: var(--paper); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .25rem }
h2 { font-size: 1.35rem; margin: 2.5rem 0 .5rem; padding-top: .5rem; border-top: 1px solid var(--line) }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .25rem }
p, li { max-width: 46rem }
a { color: var(--link) }
.skip { position: absolute; left: -100rem }
.skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .25rem .5rem }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem }
nav a { display: inline-block; padding: .2rem 0 }
.muted { color: var(--muted) }
.scroll { overflow-x: auto; margin: 1rem 0 }
.scroll:focus-visible, a:focus-visible, button:focus-visible, summary:focus-visible, select:focus-visible, input:focus-visible, pre:focus-visible { outline: 3px solid var(--link); outline-offset: 2px }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .93rem }
caption { text-align: left; color: var(--muted); padding-bottom: .35rem }
caption span { display: inline-block; position: sticky; left: 0; max-width: min(64rem, calc(100vw - 2rem)) }
th, td { padding: .3rem .75rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; overflow-wrap: normal }
thead th { background: var(--shade); font-weight: 600 }
td { white-space: nowrap }
tbody th { font-weight: 600; overflow-wrap: break-word }
.prose td { white-space: normal; min-width: 8rem; max-width: 24rem }
.prose td p { margin: 0 0 .3rem }
.note { display: inline-block; white-space: normal; min-width: 14rem }
.prose tbody th { min-width: 2.5rem; max-width: 20rem }
.prose td:nth-of-type(3) { max-width: 34rem }
tr:target th, tr:target td { background: var(--shade) }
figure { margin: 1.25rem 0 }
.plot { position: relative; height: 20rem; width: 100% }
.plot canvas { max-width: 100% }
.controls { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: end; margin-bottom: .6rem }
.controls[hidden] { display: none }
.controls > label { display: flex; flex-direction: column; font-size: .85rem; color: var(--muted); max-width: 100% }
select { font: inherit; font-size: .95rem; color: var(--ink); background: var(--shade); border: 1px solid var(--line); border-radius: 4px; padding: .3rem .4rem; max-width: min(24rem, calc(100vw - 2rem)) }
fieldset { border: 1px solid var(--line); border-radius: 4px; margin: 0; padding: .2rem .6rem .4rem; display: flex; flex-wrap: wrap; gap: .1rem .9rem; max-width: 100% }
legend { font-size: .85rem; color: var(--muted); padding: 0 .3rem }
fieldset label { font-size: .92rem; min-height: 1.6rem }
summary { cursor: pointer; padding: .25rem 0 }
pre, code { font: .9rem ui-monospace, monospace }
code { overflow-wrap: anywhere }
pre { background: var(--shade); padding: .6rem .8rem; overflow-x: auto; border-radius: 4px }
button { font: inherit; padding: .35rem .8rem; border: 1px solid var(--line); border-radius: 4px; background: var(--shade); color: var(--ink) }
.verdict { font-weight: 600; white-space: nowrap }
.verdict.supported, .verdict.whole { color: var(--good) }
.verdict.refuted, .verdict.holes { color: var(--bad) }
.alarm { border-left: 4px solid var(--bad); padding: .3rem .8rem; background: var(--shade) }
@media screen and (max-width: 40rem) {
  h1 { font-size: 1.5rem } th, td { padding: .3rem .5rem } figcaption { font-size: .9rem }
  .prose, .prose tbody, .prose tr, .prose th, .prose td { display: block; min-width: 0; max-width: none }
  .prose caption { display: block }
  .prose thead { position: absolute; left: -100rem }
  .prose tr { border-bottom: 1px solid var(--line); padding: .4rem 0 }
  .prose td, .prose tbody th { border: 0; padding: .15rem 0; max-width: calc(100vw - 2rem); overflow-wrap: anywhere }
  .prose td:empty { display: none }
  .prose td[data-head]::before { content: attr(data-head) ': '; color: var(--muted); font-size: .85rem }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt }
  nav, button, .controls, .skip, noscript { display: none !important }
  details::details-content { content-visibility: visible; block-size: auto }
  h2, h3, caption { break-after: avoid } tr, figure { break-inside: avoid }
  .scroll { overflow: visible } table { font-size: 8pt } pre { white-space: pre-wrap }
}
`
