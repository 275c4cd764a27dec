/* What trust costs: bars with intervals, by case, metric and unit, alone or beside another run. */

/** The runs to show: the page's own, and the one to compare it with. */
function shownRuns(listId) {
  const other = page.others.find(({ runId }) => runId === chosen(listId))
  return other === undefined ? [page.main] : [page.main, other]
}

function casesOf(run, boxes) {
  return run.cases.filter(({ id }) => boxes.has(id))
}

addFigure('cost', () => {
  const metric = page.metrics.find(({ name }) => name === chosen('cost-metric')) ?? page.metrics[0]
  const units = unitsOf(metric.unit)
  optionsFor(
    'cost-unit',
    units.map(([label]) => [label, label]),
  )
  const [unit, scale] = units.find(([label]) => label === chosen('cost-unit')) ?? units[0]
  const runs = shownRuns('cost-compare')
  const shown = casesOf(page.main, ticked('cost-cases'))
  const figureIn = (run, id) => run.cases.find((one) => one.id === id)?.metrics[metric.name] ?? null
  const datasets = runs.map((run, index) => {
    const values = shown.map(({ id }) => figureIn(run, id))
    const { colour } = lineStyle(index)
    return {
      label: index === 0 && runs.length === 1 ? metric.label : run.label,
      data: values.map((value) => (value === null ? null : value[0] * scale)),
      whiskers: values.map((value) =>
        value === null || value[1] === null ? null : [value[1] * scale, value[2] * scale],
      ),
      backgroundColor: index === 0 ? colour : `${colour}99`,
      borderColor: colour,
      borderWidth: 1,
    }
  })
  const caption = `${metric.label}, ${unit}, by case`
  const names = shown.map(({ name }) => name)
  return {
    heightPx: 110 + shown.length * (runs.length === 1 ? 46 : 66),
    caption,
    heads: ['case', ...runs.map(({ label }) => `${label}: ${unit}`), 'interval', 'blocks'],
    rows: shown.map(({ id, name }) => {
      const own = figureIn(page.main, id)
      return [
        name,
        ...runs.map((run) => told(figureIn(run, id), scale)),
        own === null || own[1] === null
          ? '–'
          : `${tick(own[1] * scale)} to ${tick(own[2] * scale)} at ${levelText(own[3])}`,
        own === null ? '–' : String(own[4]),
      ]
    }),
    chart: {
      type: 'bar',
      data: { labels: names.map(wrapped), datasets },
      options: {
        ...baseOptions({
          legend: runs.length > 1,
          x: {
            title: `${metric.label}, ${unit}`,
            min: 0,
            suggestedMax: rangeOf(datasets, (value) => value ?? NaN).suggestedMax,
            ticks: { callback: tick },
          },
          y: { grid: { display: false }, ticks: { autoSkip: false } },
          tooltip: {
            label: ({ dataset, dataIndex, datasetIndex }) =>
              `${dataset.label}: ${told(figureIn(runs[datasetIndex], shown[dataIndex].id), scale)} ${unit}`,
          },
        }),
        indexAxis: 'y',
      },
    },
  }
})

function told(figure, scale) {
  return figure === null ? '–' : withMargin(figure, scale)
}

function levelText(level) {
  return level === null ? 'no level' : `${Math.floor(level * 1000 + 1e-9) / 10} %`
}

/** The verdicts on the two runs, through the reference server that both measured. */
function drawChanges() {
  const place = document.getElementById('changes')
  if (place === null) return
  const other = page.others.find(({ runId }) => runId === chosen('cost-compare'))
  place.hidden = other === undefined
  if (other === undefined) return
  document.getElementById('changes-note').textContent =
    other.refused ??
    'Each figure is divided by that of the reference server in the same run; the intervals hold together.'
  fillTable(place.querySelector('table'), {
    caption: `This run against ${other.label}`,
    heads: ['case', 'metric', 'this ÷ other', 'verdict'],
    rows: other.changes.map(({ case: id, metric, ratio, verdict }) => [
      page.main.cases.find((one) => one.id === id)?.name ?? id,
      metric,
      ratio === null ? '–' : `×${withMargin(ratio)} (${levelText(ratio[3])}, n ${ratio[4]})`,
      verdict,
    ]),
  })
}
