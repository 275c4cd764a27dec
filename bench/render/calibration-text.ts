import type { Calibration, Power } from '../analysis/calibration.ts'
import { joinSections } from './sections.ts'
import { plainTable, wrap, type TextOptions } from './table.ts'

/** A calibration for a terminal. Ends with a line feed. */
export function renderCalibration(calibration: Calibration, options: TextOptions): string {
  const { power, pairing, smallestDetectable } = calibration
  return joinSections([
    falsePositiveLines(calibration),
    power.length === 0 ? [] : plainTable(powerColumns, power.map(powerRow), options),
    plainTable(
      pairingColumns,
      pairing.map((each) => [
        shortName(each.case),
        percent(each.pairedSd, 2),
        percent(each.sequentialSd, 1),
        `${each.gain.toFixed(1)}×`,
        detectable(smallestDetectable.find((other) => other.case === each.case)?.share ?? null),
      ]),
      options,
    ),
    precisionLines(calibration).flatMap((line) => wrap(line)),
  ])
}

function falsePositiveLines({ falsePositives }: Calibration): string[] {
  const { comparisons, verdicts, flagged, undecided, resampledShare, blocks } = falsePositives
  const drawn =
    resampledShare === null
      ? 'too few blocks to draw others'
      : `${percent(resampledShare, 2)} when ${blocks} A/A blocks are drawn anew`
  return wrap(
    `Identical trees: ${comparisons} comparisons with ${verdicts} verdicts; ${flagged} called worse or better (${drawn}), ${undecided} undecided.`,
  )
}

function precisionLines({ halfWidthAt16Blocks, blocksPerVerdict }: Calibration): string[] {
  const width =
    halfWidthAt16Blocks === null
      ? 'Too few A/A blocks for the half-width at 16 blocks.'
      : `99 % half-width on the CPU ratio at 16 blocks: median ±${percent(halfWidthAt16Blocks.median, 2)}, worst ±${percent(halfWidthAt16Blocks.worst, 2)}.`
  return [
    width,
    `Smallest detectable: the injected share that 9 of 10 comparisons of ${blocksPerVerdict} blocks call worse, by resampling.`,
    'Seconds are per mechanism, median (worst), preflight included; confirmed: with the second measurement.',
    'Sequential: the same blocks as if one tree had been measured after the other.',
  ]
}

function powerRow({
  injectedShare,
  case: id,
  tries,
  found,
  measuredShare,
  secondsPerMechanism,
  firstSecondsPerMechanism,
}: Power): string[] {
  return [
    `+${percent(injectedShare, 1)}`,
    shortName(id),
    `${found} of ${tries}`,
    measuredShare === null ? '–' : `+${percent(measuredShare, 2)}`,
    seconds(firstSecondsPerMechanism),
    seconds(secondsPerMechanism),
  ]
}

function seconds({ median, worst }: Power['secondsPerMechanism']): string {
  return `${median.toFixed(0)} (${worst.toFixed(0)})`
}

function detectable(share: number | null): string {
  return share === null ? '–' : `+${percent(share, 1)}`
}

function percent(share: number, digits: number): string {
  return `${(share * 100).toFixed(digits)} %`
}

function shortName(id: string): string {
  return id.split('/')[0] ?? id
}

const powerColumns = [
  { head: 'injected', align: 'left' },
  { head: '', align: 'left' },
  { head: 'found', align: 'right' },
  { head: 'measured', align: 'right' },
  { head: 's to verdict', align: 'right' },
  { head: 'confirmed', align: 'right' },
] as const
const pairingColumns = [
  { head: 'per block', align: 'left' },
  { head: 'sd paired', align: 'right' },
  { head: 'sd sequential', align: 'right' },
  { head: 'gain', align: 'right' },
  { head: 'smallest detectable', align: 'right' },
] as const
