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
export function htmlTable({
  caption,
  heads,
  rows,
}: {
  readonly caption: string
  readonly heads: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
    <table>
      <caption>
        ${caption}
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

/** A whole page: no request leaves it. `data` is embedded as JSON, and can be saved by a link. */
export function htmlPage({
  title,
  style,
  body,
  data,
}: {
  readonly title: string
  readonly style: string
  readonly body: Markup
  readonly data: unknown
}): string {
  // Inside a script element only this could end it.
  const json = JSON.stringify(data).replaceAll('<', String.raw`\u003c`)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${html`${title}`.toString()}</title>
<style>${style}</style>
</head>
<body>
${body.toString()}
<script type="application/json" id="data">${json}</script>
<script>${saveScript}</script>
</body>
</html>
`
}

/** Saves the embedded data; without scripts the button is not there. */
const saveScript = `
const button = document.getElementById('save')
button.hidden = false
button.addEventListener('click', () => {
  const text = document.getElementById('data').textContent
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }))
  link.download = 'trustbench.json'
  link.click()
  URL.revokeObjectURL(link.href)
})
`
