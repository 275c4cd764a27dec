/* What Chart.js does not draw: intervals and marks. */

/** Whiskers: a dataset may carry `whiskers`, one [low, high] or null for each of its data. */
const whiskers = {
  id: 'whiskers',
  afterDatasetsDraw(chart) {
    const horizontal = chart.options.indexAxis === 'y'
    const { left, top, width, height } = chart.chartArea
    chart.ctx.save()
    chart.ctx.beginPath()
    chart.ctx.rect(left, top, width, height)
    chart.ctx.clip()
    for (const [index, dataset] of chart.data.datasets.entries()) {
      if (dataset.whiskers === undefined || !chart.isDatasetVisible(index)) continue
      const meta = chart.getDatasetMeta(index)
      const scale = horizontal ? chart.scales.x : chart.scales.y
      for (const [point, interval] of dataset.whiskers.entries()) {
        const element = meta.data[point]
        if (interval === null || element === undefined || element.skip) continue
        const [from, to] = interval.map((value) => scale.getPixelForValue(value))
        drawWhisker(chart.ctx, horizontal ? [from, to, element.y] : [from, to, element.x], {
          horizontal,
          colour: dataset.whiskerColour ?? colours().ink,
          isDense: dataset.whiskers.length > 60,
        })
      }
    }
    chart.ctx.restore()
  },
}

function drawWhisker(pen, [from, to, at], { horizontal, colour, isDense }) {
  const cap = 4
  pen.strokeStyle = colour
  pen.lineWidth = 1.5
  pen.beginPath()
  const line = (x1, y1, x2, y2) => {
    pen.moveTo(...(horizontal ? [x1, y1] : [y1, x1]))
    pen.lineTo(...(horizontal ? [x2, y2] : [y2, x2]))
  }
  line(from, at, to, at)
  if (!isDense) {
    line(from, at - cap, from, at + cap)
    line(to, at - cap, to, at + cap)
  }
  pen.stroke()
}

/** Marks: lines across the plot with a word, from `chart.config.marks`: axis, value, label. */
const marks = {
  id: 'marks',
  afterDatasetsDraw(chart) {
    const { marks: all = [] } = chart.config.options
    const { left, right, top, bottom } = chart.chartArea
    const pen = chart.ctx
    for (const { axis, value, label } of all) {
      const at = chart.scales[axis].getPixelForValue(value)
      const isInside = axis === 'x' ? at >= left && at <= right : at >= top && at <= bottom
      if (!isInside) continue
      pen.save()
      pen.strokeStyle = colours().alarm
      pen.fillStyle = colours().alarm
      pen.setLineDash([5, 4])
      pen.lineWidth = 1.5
      pen.beginPath()
      pen.moveTo(...(axis === 'x' ? [at, top] : [left, at]))
      pen.lineTo(...(axis === 'x' ? [at, bottom] : [right, at]))
      pen.stroke()
      pen.font = `12px ${Chart.defaults.font.family}`
      const flip = axis === 'x' && at > (left + right) / 2
      pen.textAlign = flip ? 'right' : 'left'
      pen.textBaseline = axis === 'x' ? 'top' : 'bottom'
      pen.fillText(
        label,
        axis === 'x' ? at + (flip ? -5 : 5) : left + 5,
        axis === 'x' ? top + 3 : at - 3,
      )
      pen.restore()
    }
  },
}
