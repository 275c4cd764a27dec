/* What each hop of a case costs, and how long it takes. */

addFigure('hops', () => {
  const { names, cases } = page.hops
  const name = chosen('hops-figure')
  const isCpu = name === 'cpuUsPerRequest'
  const figureOf = ({ hops }, hop) => hops.find((one) => one.hop === hop)?.[name] ?? null
  // Costs add up, medians do not: those stand side by side.
  const stacked = isCpu
  const title = isCpu ? 'CPU per request, µs' : 'p50 in the hop itself, µs'
  const datasets = names.map((hop, index) => {
    const values = cases.map((one) => figureOf(one, hop))
    return {
      label: hop,
      data: values.map((value) => value?.[0] ?? null),
      whiskers: stacked
        ? []
        : values.map((value) => (value?.[1] == null ? null : [value[1], value[2]])),
      backgroundColor: lineStyle(index).colour,
      borderColor: colours().paper,
      borderWidth: 1,
      skipNull: true,
      maxBarThickness: stacked ? 34 : 18,
    }
  })
  return {
    heightPx: 130 + cases.length * (stacked ? 46 : 24 + 20 * names.length),
    caption: `${title}, by case and hop`,
    heads: ['case', 'hop', title, 'blocks'],
    rows: cases.flatMap((one) =>
      one.hops.map(({ hop }) => {
        const value = figureOf(one, hop)
        return [one.name, hop, told(value, 1), value === null ? '–' : String(value[4])]
      }),
    ),
    chart: {
      type: 'bar',
      data: { labels: cases.map((one) => wrapped(one.name)), datasets },
      options: {
        ...baseOptions({
          x: {
            title,
            stacked,
            min: 0,
            ...(stacked
              ? {}
              : { suggestedMax: rangeOf(datasets, (value) => value ?? NaN).suggestedMax }),
            ticks: { callback: tick },
          },
          y: { stacked, grid: { display: false }, ticks: { autoSkip: false } },
          tooltip: {
            label: ({ dataset, dataIndex }) =>
              `${dataset.label}: ${told(figureOf(cases[dataIndex], dataset.label), 1)} µs`,
          },
        }),
        indexAxis: 'y',
      },
    },
  }
})
