import { createHash } from 'node:crypto'
import { html as template } from 'hono/html'

/** HTML that is ready; only `html` makes it, so whatever is put in otherwise is text. */
export type Markup = Exclude<ReturnType<typeof template>, Promise<unknown>>

/** HTML by tagged templates; what is put in is escaped, lists are joined, null and false are nothing. */
export function html(strings: TemplateStringsArray, ...values: readonly unknown[]): Markup {
  const markup = template(strings, ...values)
  if (markup instanceof Promise) throw new TypeError('a promise was put into HTML: await it before')
  return markup
}

/** What a cell of a table holds. */
export type Cell = string | Markup | readonly Markup[]

/** A table with a caption, heads, and the first cell of each row as its head. */
export interface TableText {
  readonly caption: string
  readonly heads: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}

/** A table that scrolls sideways where it is too wide. */
export function htmlTable({ caption, heads, rows }: TableText): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
    <table>
      <caption>
        <span>${caption}</span>
      </caption>
      <thead>
        <tr>
          ${heads.map((head) => html`<th scope="col">${head}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ([head, ...cells]) =>
            html`<tr>
              <th scope="row">${head}</th>
              ${cells.map((cell) => html`<td>${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

/**
 * A table of sentences: on a phone its cells stand below each other, each with its head. Roles are
 * told, since a table that is no grid any more would lose them.
 */
export function proseTable({ caption, heads, rows }: TableText): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
    <table class="prose" role="table">
      <caption>
        <span>${caption}</span>
      </caption>
      <thead role="rowgroup">
        <tr role="row">
          ${heads.map((head) => html`<th scope="col" role="columnheader">${head}</th>`)}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${rows.map(
          ([first, ...cells]) =>
            html`<tr role="row">
              <th scope="row" role="rowheader">${first}</th>
              ${cells.map(
                (cell, index) =>
                  html`<td role="cell" data-head="${heads[index + 1] ?? ''}">${cell}</td>`,
              )}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

/** What a page runs and looks like: within it, or in files beside it. */
export type PageAssets =
  | { readonly kind: 'inline'; readonly style: string; readonly scripts: readonly string[] }
  /** Relative addresses: of a site, whose pages share them. */
  | { readonly kind: 'linked'; readonly style: string; readonly scripts: readonly string[] }

/**
 * A whole page: no request leaves its folder. `data` is embedded as JSON. What is inline is let in by
 * its SHA-256 and nothing else (Content Security Policy Level 3, section 2.3.1), so text that became
 * markup all the same could not run.
 */
export function htmlPage({
  title,
  assets,
  body,
  data,
}: {
  readonly title: string
  readonly assets: PageAssets
  readonly body: Markup
  readonly data: unknown
}): string {
  // Inside a script element only this could end it.
  const json = JSON.stringify(data, rounded).replaceAll('<', String.raw`\u003c`)
  const parts = partsOf(assets)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policyOf(assets)}">
<link rel="icon" href="data:,">
<title>${html`${title}`.toString()}</title>
${parts.style}
</head>
<body>
${body.toString()}
<script type="application/json" id="data">${json}</script>
${parts.scripts}
</body>
</html>
`
}

/** Eight digits are more than any clock or interval supports, and half the bytes. */
function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value)
    ? Number(value.toPrecision(8))
    : value
}

function partsOf({ kind, style, scripts }: PageAssets) {
  switch (kind) {
    case 'inline':
      return {
        style: `<style>${style}</style>`,
        scripts: scripts.map((script) => `<script>${script}</script>`).join('\n'),
      }
    case 'linked':
      return {
        style: `<link rel="stylesheet" href="${style}">`,
        scripts: scripts.map((address) => `<script src="${address}"></script>`).join('\n'),
      }
  }
}

function policyOf({ kind, style, scripts }: PageAssets): string {
  const sources = (texts: readonly string[]) =>
    kind === 'inline' ? texts.map(digestSource).join(' ') : "'self' file:"
  return `default-src 'none'; img-src data:; style-src ${sources([style])}; script-src ${sources(scripts)}; base-uri 'none'; form-action 'none'`
}

function digestSource(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}
