import { join } from 'node:path'
import { Command } from 'commander'
import { prepareFolder } from '../store.ts'
import type { CommandResult, Io } from './io.ts'
import { inlineAssets } from './report-assets.ts'
import { saveReport } from './report-files.ts'
import { gatherReport } from './report-input.ts'
import { buildSite } from './site.ts'

interface ReportOptions {
  readonly results: string
  readonly out?: string
  readonly site?: string
  readonly json?: true
}

/** `report`: stored runs as one file that opens everywhere. */
export function reportCommand(io: Io, done: (result: CommandResult) => void): Command {
  return new Command('report')
    .description(
      'make a self-contained HTML report of stored runs, with Markdown, CSV, PNG, HdrHistogram log and badges',
    )
    .argument(
      '[run]',
      'run id or file, of scenarios in closed loops or of targets; default: the whole run with the most mechanisms, the newest of those',
    )
    .option('--results <folder>', 'where runs are kept', join(io.root, 'results'))
    .option('--out <folder>', 'where the report goes (default: report/ among the results)')
    .option('--site <folder>', 'build a static site over all stored runs instead')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText(
      'after',
      '\nExample:\n  npm run report\n  npm run report -- results/reference/reference.json\n  npm run report -- --site _site',
    )
    .action(async (word: string | undefined, options: ReportOptions) => {
      await report(word, options, io)
      done({ exitCode: 0 })
    })
}

async function report(word: string | undefined, options: ReportOptions, io: Io): Promise<void> {
  if (options.site !== undefined) {
    await site(options.site, options, io)
    return
  }
  const folder = options.out ?? join(options.results, 'report')
  const input = { ...(await gatherReport(word, options.results, io)), assets: inlineAssets() }
  prepareFolder(folder)
  const files = await saveReport(folder, input)
  const { runId, complete } = input.main.run
  io.out(
    options.json === true
      ? `${JSON.stringify({ schema: 1, command: 'report', runId, complete, files })}\n`
      : `${Object.values(files).flat().join('\n')}\n`,
  )
}

/** Builds a site; other than a report it is of every run there is. */
async function site(folder: string, { results, json }: ReportOptions, io: Io): Promise<void> {
  const folders = [results, join(io.root, 'results', 'reference')]
  const { pages, runs, unreadable } = await buildSite(folder, { results, folders }, io)
  const [first] = unreadable
  if (first !== undefined)
    io.err(`left out ${unreadable.length} files that are no runs: ${first}\n`)
  const index = join(folder, 'index.html')
  io.out(
    json === true
      ? `${JSON.stringify({ schema: 1, command: 'report', site: folder, index, pages, runs, leftOut: unreadable.length })}\n`
      : `${index}\n${join(folder, 'history.html')}\n${pages} pages of ${runs} runs: open the first, or publish the folder as it is\n`,
  )
}
