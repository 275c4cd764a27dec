/* Latency by percentile, and by offered rate. */

addFigure('spectrum', () => {
  const connections = Number(chosen('spectrum-connections'))
  const boxes = ticked('spectrum-cases')
  const runs = shownRuns('spectrum-compare')
  const lines = runs.flatMap((run, index) =>
    casesOf(run, boxes).flatMap((one) => {
      const spectrum = one.spectra.find((each) => each.connections === connections)
      const style = page.main.cases.findIndex(({ id }) => id === one.id)
      const label = index === 0 ? one.name : `${one.name}, ${run.label}`
      const row = runs.length === 1 ? one.name : `${one.name}, ${run.label}`
      return spectrum === undefined ? [] : [{ ...spectrum, label, row, style, isOther: index > 0 }]
    }),
  )
  const where = ` at ${connections} connection${connections === 1 ? '' : 's'}`
  return spectrumFigure({ lines, where, first: 'case', unitList: 'spectrum-unit' })
})

/**
 * Lines of latency over percentiles.
 * @param {{ lines: { label: string, row: string, samples: number, points: [number, number][], style: number, isOther: boolean }[], where: string, first: string, unitList: string }} told
 */
function spectrumFigure({ lines, where, first, unitList }) {
  const place = (percentile) => Math.log10(1 / (1 - percentile / 100))
  const ticks = [0, 50, 90, 99, 99.9, 99.99]
  const last = Math.max(...lines.flatMap(({ points }) => points.map(([each]) => each)))
  // A tick beyond the axis would be drawn outside of the chart.
  const end = ticks.find((percentile) => percentile >= last) ?? last
  const [unit, scale] = unitsOf('µs').find(([label]) => label === chosen(unitList)) ?? ['µs', 1]
  const at = ({ points }, percentile) => {
    const found = points.find(([each]) => each === percentile)
    return found === undefined ? '–' : tick(found[1] * scale)
  }
  return {
    heightPx: isNarrow() ? 420 : 440,
    caption: `Latency in ${unit} by percentile${where}`,
    heads: [first, 'samples', ...ticks.slice(1).map((percentile) => `p${percentile} ${unit}`)],
    rows: lines.map((line) => [
      line.row,
      fixed(line.samples, 0),
      ...ticks.slice(1).map((percentile) => at(line, percentile)),
    ]),
    chart: {
      type: 'line',
      data: {
        datasets: lines.map(({ label, points, style, isOther }) => {
          const { colour, dash, marker } = lineStyle(style)
          return {
            label,
            data: points
              .filter(([, us]) => us > 0)
              .map(([percentile, us]) => ({ x: place(percentile), y: us * scale, percentile })),
            borderColor: isOther ? `${colour}88` : colour,
            backgroundColor: colour,
            borderDash: dash,
            borderWidth: isOther ? 1.5 : 2,
            pointStyle: marker,
            pointRadius: points.map(([percentile]) => (ticks.includes(percentile) ? 4 : 0)),
          }
        }),
      },
      options: baseOptions({
        x: {
          type: 'linear',
          min: 0,
          max: place(end),
          title: 'percentile of requests',
          ticks: { callback: (value) => labelOf(value), autoSkip: false, maxRotation: 0 },
          afterBuildTicks: (axis) => {
            const shown = ticks.filter((percentile) => percentile <= end)
            axis.ticks = shown.map((percentile) => ({ value: place(percentile) }))
          },
        },
        y: {
          type: 'logarithmic',
          ...labelledRange(lines.flatMap(({ points }) => points.map(([, us]) => us * scale))),
          title: `latency, ${unit}, log scale`,
          ticks: { callback: ladder },
        },
        tooltip: {
          title: ([item]) => `p${tick(item.raw.percentile)}`,
          label: ({ dataset, raw }) => `${dataset.label}: ${tick(raw.y)} ${unit}`,
        },
      }),
    },
  }

  function labelOf(value) {
    return String(ticks.find((percentile) => Math.abs(place(percentile) - value) < 1e-9) ?? '')
  }
}

addFigure('curve', () => curveFigure('curve', page.curves))

/** Lines of latency over the offered rate, by the controls whose ids begin so. */
function curveFigure(id, { series, sloP99Us }) {
  const percentile = chosen(`${id}-percentile`)
  const boxes = ticked(`${id}-cases`)
  const [unit, scale] = unitsOf('µs').find(([label]) => label === chosen(`${id}-unit`)) ?? [
    'ms',
    1e-3,
  ]
  const shown = series.filter(({ name }) => boxes.has(name))
  const label = page.percentiles.find(({ name }) => name === percentile).label
  const datasets = shown.map(({ name, points }) => {
    const { colour, dash, marker } = lineStyle(series.findIndex((one) => one.name === name))
    // Where the generator was the limit a line breaks off: what lies between is not known.
    const sound = ({ invalid, latency }) => !invalid && latency[percentile] !== null
    return {
      label: name,
      data: points.map((point) => ({
        x: point.rate,
        y: sound(point) ? point.latency[percentile][0] * scale : null,
      })),
      whiskers: points.map((point) =>
        sound(point) && point.latency[percentile][1] !== null
          ? [point.latency[percentile][1] * scale, point.latency[percentile][2] * scale]
          : null,
      ),
      whiskerColour: colour,
      borderColor: colour,
      backgroundColor: colour,
      borderDash: dash,
      pointStyle: marker,
      pointRadius: 4,
    }
  })
  return {
    heightPx: 400,
    caption: `${label}, ${unit}, by offered rate`,
    heads: ['case', 'offered/s', `${label}, ${unit}`, 'windows', 'note'],
    rows: shown.flatMap(({ name, points }) =>
      points.map(({ rate, latency, invalid }) => [
        name,
        fixed(rate, 0),
        told(latency[percentile], scale),
        latency[percentile] === null ? '–' : String(latency[percentile][4]),
        invalid ? 'INVALID: the generator was the limit' : '',
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
            title: 'offered requests/s',
            ticks: { callback: tick, maxRotation: 0 },
          },
          y: {
            type: 'logarithmic',
            ...rangeOf(datasets, ({ y }) => y ?? NaN),
            title: `${label}, ${unit}, log scale`,
            ticks: { callback: ladder },
          },
          tooltip: {
            title: ([item]) => `${fixed(item.raw.x, 0)} requests/s`,
            label: ({ dataset, raw }) => `${dataset.label}: ${tick(raw.y)} ${unit}`,
          },
        }),
        marks:
          sloP99Us === null || percentile !== 'latencyP99Us'
            ? []
            : [
                {
                  axis: 'y',
                  value: sloP99Us * scale,
                  label: `objective: p99 ${latencyTick(sloP99Us)}`,
                },
              ],
      },
    },
  }
}

/** A range that holds the values, and one of 1, 2 and 5: between two of those there would be no number on an axis. */
function labelledRange(values) {
  const known = values.filter((value) => value > 0)
  const [low, high] = [Math.min(...known), Math.max(...known)]
  return high / low < 2.5 ? { suggestedMin: low / 1.6, suggestedMax: high * 1.6 } : {}
}

/** Ticks of a log axis: 1, 2 and 5 of each decade. */
function ladder(value) {
  const digit = Number((value / 10 ** Math.floor(Math.log10(value) + 1e-9)).toPrecision(3))
  return [1, 2, 5].includes(digit) ? tick(value) : ''
}
