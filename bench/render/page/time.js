/* Events under load over time, and figures over runs. */

const outcomes = ['served', 'refused', 'closed', 'silent']
const outcomeMarkers = ['circle', 'crossRot', 'rect', 'triangle']

function outcomeColours() {
  const [blue, orange, green, purple] = lineColours()
  return [blue, orange, purple, green]
}

addFigure('lanes', () => {
  const counts = (probes, outcome) => probes.filter((probe) => probe[2] === outcome).length
  const seen = outcomes.filter((outcome) =>
    page.events.some(({ probes }) => counts(probes, outcome) > 0),
  )
  return {
    heightPx: 110 + page.events.length * 40,
    caption: 'Outcome of each request over ms since the event, one line an event',
    heads: ['event', ...seen],
    rows: page.events.map(({ name, probes }) => [
      name,
      ...seen.map((outcome) => String(counts(probes, outcome))),
    ]),
    chart: {
      type: 'scatter',
      data: {
        datasets: seen.map((outcome) => ({
          label: outcome,
          data: page.events.flatMap(({ probes }, lane) =>
            probes
              .filter((probe) => probe[2] === outcome)
              .map(([ms]) => ({ x: ms, y: lane + (outcomes.indexOf(outcome) - 1.5) * 0.12 })),
          ),
          pointStyle: outcomeMarkers[outcomes.indexOf(outcome)],
          pointRadius: 3,
          borderColor: outcomeColours()[outcomes.indexOf(outcome)],
          backgroundColor: outcomeColours()[outcomes.indexOf(outcome)],
        })),
      },
      options: {
        ...baseOptions({
          x: {
            title: 'ms since the event was done',
            ...spanOf(page.events),
            ticks: { callback: tick, maxRotation: 0 },
          },
          y: {
            reverse: true,
            min: -0.6,
            max: page.events.length - 0.4,
            grid: { display: false },
            afterBuildTicks: (axis) => {
              axis.ticks = page.events.map((_, value) => ({ value }))
            },
            ticks: {
              autoSkip: false,
              callback: (value) => wrapped(page.events[value]?.name ?? ''),
            },
          },
          tooltip: { label: ({ dataset, raw }) => `${dataset.label} at ${tick(raw.x)} ms` },
        }),
        marks: [{ axis: 'x', value: 0, label: 'event' }],
      },
    },
  }
})

addFigure('timeline', () => {
  const event = page.events.find(({ name }) => name === chosen('timeline-event')) ?? page.events[0]
  const seen = outcomes.filter((outcome) => event.probes.some((probe) => probe[2] === outcome))
  return {
    heightPx: 360,
    caption: `${event.name}: ${event.what}; latency of each request over time`,
    heads: ['ms since the event', 'latency, ms', 'outcome'],
    rows: event.probes.map(([ms, latency, outcome]) => [String(ms), String(latency), outcome]),
    chart: {
      type: 'scatter',
      data: {
        datasets: seen.map((outcome) => {
          const kind = outcomes.indexOf(outcome)
          return {
            label: outcome,
            data: event.probes.filter((probe) => probe[2] === outcome).map(([x, y]) => ({ x, y })),
            pointStyle: outcomeMarkers[kind],
            pointRadius: 3,
            borderColor: outcomeColours()[kind],
            backgroundColor: outcomeColours()[kind],
          }
        }),
      },
      options: {
        ...baseOptions({
          x: {
            title: 'ms since the event was done',
            ...spanOf([event]),
            ticks: { callback: tick, maxRotation: 0 },
          },
          y: { type: 'logarithmic', title: 'latency, ms, log scale', ticks: { callback: ladder } },
          tooltip: {
            label: ({ dataset, raw }) => `${dataset.label} at ${tick(raw.x)} ms, ${tick(raw.y)} ms`,
          },
        }),
        marks: [{ axis: 'x', value: 0, label: 'event' }],
      },
    },
  }
})

addFigure('history', () => {
  const { runs, series } = page.history
  const one = series.find(({ name }) => name === chosen('history-case')) ?? series[0]
  const labelAt = (run) => runs[run]?.label ?? ''
  const datasets = one.machines.map(({ machine, points }, index) => {
    const { colour, dash, marker } = lineStyle(index)
    return {
      label: `machine ${machine}`,
      data: points.map(({ run, ratio }) => ({ x: run + 1, y: ratio[0] })),
      whiskers: points.map(({ ratio }) => (ratio[1] === null ? null : [ratio[1], ratio[2]])),
      // Hundreds of intervals side by side would be one block of colour.
      whiskerColour: points.length > 60 ? `${colour}30` : colour,
      showLine: points.length <= 60,
      borderColor: colour,
      backgroundColor: colour,
      borderDash: dash,
      borderWidth: 1,
      pointStyle: marker,
      pointRadius: points.length > 60 ? 2 : 4,
    }
  })
  return {
    heightPx: 360,
    caption: `${one.name}: server CPU per request over that of the reference, by run`,
    heads: ['run', 'machine', '÷ reference', 'blocks', 'note'],
    rows: one.machines.flatMap(({ machine, points, changes }) =>
      points.map(({ run, ratio }) => [
        labelAt(run),
        machine,
        told(ratio, 1),
        String(ratio?.[4] ?? '–'),
        changes.includes(run) ? 'change point before it' : '',
      ]),
    ),
    chart: {
      type: 'line',
      data: {
        datasets,
      },
      options: {
        ...baseOptions({
          x: {
            type: 'linear',
            title: 'run, oldest first',
            min: 0.5,
            max: runs.length + 0.5,
            afterBuildTicks: (axis) => {
              axis.ticks = runTicks(runs.length)
            },
            ticks: { maxRotation: 0, autoSkip: true },
          },
          y: {
            title: 'CPU ÷ reference',
            ...rangeOf(datasets, ({ y }) => y),
            ticks: { callback: tick },
          },
          tooltip: {
            title: ([item]) => labelAt(item.raw.x - 1),
            label: ({ dataset, raw }) => `${dataset.label}: ${tick(raw.y)}`,
          },
        }),
        marks: one.machines.flatMap(({ changes }) =>
          changes.map((run) => ({ axis: 'x', value: run + 0.5, label: 'change' })),
        ),
      },
    },
  }
})

/** Whole runs, at most a dozen, the newest always among them. */
function runTicks(count) {
  const step = Math.max(1, Math.ceil(count / 12))
  const ticks = []
  for (let run = count; run >= 1; run -= step) ticks.unshift({ value: run })
  return ticks
}

/** The span of the probes of events, in ms. */
function spanOf(events) {
  const times = events.flatMap(({ probes }) => probes.map(([ms]) => ms))
  return {
    min: Math.floor(Math.min(...times) / 100) * 100,
    max: Math.ceil(Math.max(...times) / 100) * 100,
  }
}
