/* What servers of the user's own take, by percentile under each kind of load, and by offered rate. */

addFigure('target-spectrum', () => {
  const { loads } = page.targets
  const load = loads[Number(chosen('target-spectrum-load'))] ?? loads[0]
  const lines = load.lines.map(({ name, samples, points }, style) => {
    return { label: name, row: name, samples, points, style, isOther: false }
  })
  return spectrumFigure({
    ...{ lines, where: `, ${load.label}`, first: 'target', unitList: 'target-spectrum-unit' },
  })
})

addFigure('target-curve', () => curveFigure('target-curve', page.targets.curves))
