/* Where the microseconds go, and what a connection costs. */

addFigure('ledger', () => {
  const boxes = ticked('ledger-cases')
  const shown = page.ledgers.filter(({ name }) => boxes.has(name))
  const labels = [...new Set(page.ledgers.flatMap(({ parts }) => parts.map(({ label }) => label)))]
    // What nothing explains comes last, on top of all that is.
    .sort((a, b) => Number(a === 'unexplained') - Number(b === 'unexplained'))
  const partOf = ({ parts }, label) => parts.find((part) => part.label === label)?.cpuUs ?? null
  const rests = shown.map((ledger) => partOf(ledger, 'unexplained')?.[0] ?? 0)
  const whole = Math.max(...shown.map(({ total }) => total?.[0] ?? 0))
  const isSlightlyNegative = Math.min(0, ...rests) > -0.02 * whole
  return {
    heightPx: 130 + shown.length * 44 + labels.length * (isNarrow() ? 20 : 7),
    caption: 'Server CPU of a request by part, µs',
    heads: ['case', 'part', 'CPU µs', 'blocks'],
    rows: shown.flatMap((ledger) => [
      ...ledger.parts.map(({ label, cpuUs }) => [
        ledger.name,
        label,
        told(cpuUs, 1),
        cpuUs === null ? '–' : String(cpuUs[4]),
      ]),
      [ledger.name, 'measured whole', told(ledger.total, 1), String(ledger.total?.[4] ?? '–')],
    ]),
    chart: {
      type: 'bar',
      data: {
        labels: shown.map(({ name }) => wrapped(name)),
        datasets: labels.map((label, index) => ({
          label,
          data: shown.map((ledger) => partOf(ledger, label)?.[0] ?? null),
          backgroundColor: label === 'unexplained' ? colours().grid : lineStyle(index).colour,
          borderColor: label === 'unexplained' ? colours().muted : colours().paper,
          borderWidth: 1,
        })),
      },
      options: {
        ...baseOptions({
          x: {
            title: 'server CPU per request, µs',
            stacked: true,
            // Parts may come to a little more than the whole: the rest is then below 0, and told so in the table.
            min: isSlightlyNegative ? 0 : undefined,
            ticks: { callback: tick },
          },
          y: { stacked: true, grid: { display: false }, ticks: { autoSkip: false } },
          tooltip: {
            label: ({ dataset, dataIndex }) =>
              `${dataset.label}: ${told(partOf(shown[dataIndex], dataset.label), 1)} µs`,
          },
        }),
        indexAxis: 'y',
      },
    },
  }
})

addFigure('churn', () => {
  const policy = chosen('churn-policy')
  const boxes = ticked('churn-cases')
  const shown = page.churn.filter(({ name }) => boxes.has(name))
  const uses = [
    ...new Set(
      page.churn.flatMap(({ points }) =>
        points
          .filter((point) => point.policy === policy || point.requests === null)
          .map(({ requests }) => requests),
      ),
    ),
  ].sort((a, b) => (a ?? Infinity) - (b ?? Infinity))
  const at = ({ points }, requests) =>
    points.find(
      (point) => point.requests === requests && (requests === null || point.policy === policy),
    )?.cpuUs ?? null
  const nameOf = (requests) => (requests === null ? 'stays' : String(requests))
  const datasets = shown.map((one) => {
    const { colour, dash, marker } = lineStyle(page.churn.indexOf(one))
    const values = uses.map((requests) => at(one, requests))
    return {
      label: one.name,
      data: values.map((value) => value?.[0] ?? null),
      whiskers: values.map((value) => (value?.[1] == null ? null : [value[1], value[2]])),
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
    caption: `Server CPU µs per request by requests per connection, ${policy} handshakes`,
    heads: ['case', ...uses.map(nameOf), 'blocks'],
    rows: shown.map((one) => [
      one.name,
      ...uses.map((requests) => told(at(one, requests), 1)),
      String(at(one, uses[0])?.[4] ?? '–'),
    ]),
    chart: {
      type: 'line',
      data: {
        labels: uses.map(nameOf),
        datasets,
      },
      options: baseOptions({
        x: { title: 'requests per connection' },
        y: {
          type: 'logarithmic',
          title: 'server CPU µs per request, log',
          ticks: { callback: ladder },
        },
        tooltip: {
          label: ({ dataset, datasetIndex, dataIndex }) =>
            `${dataset.label}: ${told(at(shown[datasetIndex], uses[dataIndex]), 1)} µs`,
        },
      }),
    },
  }
})
