import { html, type Markup } from './html.ts'
import { reportStyle } from './html-style.ts'

/** What of the live page changes. */
export interface LiveContent {
  readonly title: string
  /** One line, told aloud by screen readers when it changes. */
  readonly status: string
  readonly main: Markup
}

/** The page around the content; `version` is the number of the content, so that no later one is missed. */
export function liveShell(
  { title, status, main }: LiveContent,
  { version, ended }: { readonly version: number; readonly ended: boolean },
): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${html`${title}`.toString()}</title>
<style>${liveStyle}</style>
</head>
<body>
<p id="status" role="status">${html`${status}`.toString()}</p>
<main id="live" data-version="${version}" data-ended="${String(ended)}">
${main.toString()}
</main>
<script>${liveScript}</script>
</body>
</html>
`
}

/** Style of the page; its hash is in the Content-Security-Policy, so no attribute of an element may hold style. */
export const liveStyle = `${reportStyle}
#status { position: sticky; top: 0; margin: 0 0 1rem; padding: .5rem 0; max-width: none; background: var(--paper); border-bottom: 1px solid var(--line) }
progress { width: 100%; max-width: 46rem; height: .8rem; accent-color: var(--link) }
td { white-space: nowrap }
svg { display: block; width: 160px; height: 36px }
.band { fill: var(--link); opacity: .22 }
.line { fill: none; stroke: var(--link); stroke-width: 1.5 }
`

/** Takes the place of the content when a block has ended; works for nothing between blocks, as the server does. */
export const liveScript = `
'use strict'
const main = document.getElementById('live')
const status = document.getElementById('status')
if (main.dataset.ended !== 'true') {
  const source = new EventSource('/events?seen=' + main.dataset.version)
  let failures = 0
  const show = (event) => {
    const content = JSON.parse(event.data)
    const focused = [...main.querySelectorAll('[tabindex]')].indexOf(document.activeElement)
    main.innerHTML = content.main
    main.dataset.version = event.lastEventId
    document.title = content.title
    status.textContent = content.status
    if (focused >= 0) main.querySelectorAll('[tabindex]')[focused]?.focus()
  }
  source.addEventListener('open', () => { failures = 0 })
  source.addEventListener('drawn', show)
  source.addEventListener('ended', (event) => {
    show(event)
    main.dataset.ended = 'true'
    source.close()
  })
  source.addEventListener('error', () => {
    failures += 1
    main.dataset.ended = 'lost'
    status.textContent = 'The bench has ended or was stopped before it could say so here; what follows is the last that it told.'
    if (failures >= 3) source.close()
  })
}
`
