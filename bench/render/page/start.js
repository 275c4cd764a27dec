/* Shows what only scripts can do, draws, and listens. */

Chart.defaults.font.family = 'system-ui, sans-serif'

for (const { root } of figures.values()) {
  for (const hidden of root.querySelectorAll('.controls, details')) hidden.hidden = false
}
drawAll()
drawChanges()

document.addEventListener('change', ({ target }) => {
  const figure = target.closest?.('[data-chart]')
  if (figure === null || figure === undefined) return
  draw(figure.dataset.chart)
  if (target.id === 'cost-compare') drawChanges()
})
dark.addEventListener('change', drawAll)

let narrow = isNarrow()
window.addEventListener('resize', () => {
  if (narrow === isNarrow()) return
  narrow = isNarrow()
  drawAll()
})
window.addEventListener('beforeprint', () => {
  onPaper = true
  drawAll()
  for (const { chart } of figures.values()) chart.resize(680, chart.height)
})
window.addEventListener('afterprint', () => {
  onPaper = false
  drawAll()
})

const save = document.getElementById('save')
if (save !== null) {
  save.hidden = false
  save.addEventListener('click', () => {
    const text = document.getElementById('data').textContent
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }))
    link.download = 'trustbench.json'
    link.click()
    URL.revokeObjectURL(link.href)
  })
}
