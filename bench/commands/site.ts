import { createHash } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { historyOf, type History } from '../analysis/history.ts'
import { BenchError } from '../errors.ts'
import { reportStyle } from '../render/html-style.ts'
import type { PageAssets } from '../render/html.ts'
import { renderReport } from '../render/report-html.ts'
import {
  commitAddress,
  renderCommit,
  renderHistoryPage,
  renderIndex,
  runAddress,
} from '../render/site-pages.ts'

import { loadScenarios } from '../scenarios.ts'
import { jsonFiles, prepareFolder, readRun, saveFile } from '../store.ts'
import { defaultsOf } from './history.ts'
import type { Io } from './io.ts'
import { chartScript, pageScript } from './report-assets.ts'
import { saveBadges, saveTexts } from './report-files.ts'
import { newestOf, reportOf } from './report-input.ts'
import type { SitePage, SiteWork } from './site-worker.ts'

/** What was built. */
export interface BuiltSite {
  readonly pages: number
  readonly runs: number
  /** One line for each file that is no run. */
  readonly unreadable: readonly string[]
}

/** A run whose page is written. */
type Written = Extract<SitePage, { kind: 'written' }>

/** Builds a static site over all runs of folders: index, report, history, a page a run and a commit. */
export async function buildSite(
  folder: string,
  { results, folders }: { readonly results: string; readonly folders: readonly string[] },
  io: Io,
): Promise<BuiltSite> {
  const files = [...new Set(folders.flatMap(jsonFiles))]
  prepareFolder(folder)
  const save = (address: string, content: string) => {
    saveFile(join(folder, address), content)
  }
  const names = saveAssets(save)
  const told = await writeRunPages(files, { folder, assets: assetsAt('../', names) })
  const byId = new Map(
    told.flatMap((page) => (page.kind === 'written' ? [[page.slices.runId, page] as const] : [])),
  )
  const written = [...byId.values()].sort(newestFirst)
  if (written.length === 0) {
    throw new BenchError(
      'usage',
      `${results}: no run is stored; npm run bench -- combined measures one`,
    )
  }
  const declared = defaultsOf(await loadScenarios(io.root))
  const history = historyOf(
    written.map(({ slices }) => slices),
    { defaults: (scenario) => declared.get(scenario) ?? null },
  )
  const frame = { assets: assetsAt('', names), root: '' }
  const hasReport = await saveMainReport(folder, { results, written, history, frame }, io)
  const runs = written.map(({ run }) => run)
  save('index.html', renderIndex(runs, { frame, hasReport }))
  save('history.html', renderHistoryPage(history, frame))
  const inner = { assets: assetsAt('../', names), root: '../' }
  const commits = Map.groupBy(runs, ({ run }) => run.environment.commit)
  for (const [commit, own] of commits) {
    if (commit !== null) save(commitAddress(commit), renderCommit(commit, own, inner))
  }
  // GitHub Pages would leave out what it takes for Jekyll's own.
  save('.nojekyll', '')
  const ofCommits = [...commits.keys()].filter((commit) => commit !== null).length
  return {
    pages: runs.length + ofCommits + (hasReport ? 3 : 2),
    runs: runs.length,
    unreadable: told.flatMap((page) => (page.kind === 'unreadable' ? [page.message] : [])),
  }
}

/** The report of the newest whole run, with the runs of its machine and commit; false where there is none. */
async function saveMainReport(
  folder: string,
  {
    results,
    written,
    history,
    frame,
  }: {
    readonly results: string
    readonly written: readonly Written[]
    readonly history: History
    readonly frame: { readonly assets: PageAssets }
  },
  io: Io,
): Promise<boolean> {
  // Kinds are told by blocks, of which only those in closed loops are still there.
  const closed = written.filter(({ slices }) =>
    slices.blocks.some(({ slices: own }) => own.length > 0),
  )
  const newest = newestOf(
    closed.map(({ slices }) => slices),
    'closed',
  )
  if (newest === null) return false
  const { machineId, commit } = newest.environment
  const runs = written
    .filter(
      ({ run: { run } }) =>
        run.environment.machineId === machineId && run.environment.commit === commit,
    )
    .slice(0, MOST_KIN)
    .map(({ file }) => readRun(file))
  const main = newestOf(
    runs.map(({ run }) => run),
    'closed',
  )
  if (main === null) return false
  const input = {
    ...(await reportOf(main, { results, runs, history: [] }, io)),
    history,
    assets: frame.assets,
    linkOf: runAddress,
    home: 'index.html',
  }
  saveFile(join(folder, 'report.html'), renderReport(input))
  saveTexts(folder, input)
  saveBadges(folder, input)
  return true
}

/** Pages of runs, by as many workers as there are cores: reading and estimating is all there is to do. */
async function writeRunPages(
  files: readonly string[],
  work: Omit<SiteWork, 'files'>,
): Promise<SitePage[]> {
  const workers = Math.max(1, Math.min(availableParallelism(), files.length))
  const shares = Array.from({ length: workers }, (_, index) =>
    files.filter((_file, place) => place % workers === index),
  )
  const pages = await Promise.all(shares.map((share) => runWorker({ ...work, files: share })))
  return pages.flat()
}

function runWorker(work: SiteWork): Promise<SitePage[]> {
  return new Promise((resolve, reject) => {
    const pages: SitePage[] = []
    const worker = new Worker(new URL('site-worker.ts', import.meta.url), { workerData: work })
    worker.on('message', (page: SitePage) => pages.push(page))
    worker.on('error', reject)
    worker.on('exit', () => {
      resolve(pages)
    })
  })
}

/** Files that all pages share, named by what is in them: a browser may keep them for ever. */
function saveAssets(save: (address: string, content: string) => void) {
  const named = (name: string, extension: string, content: string) => {
    const digest = createHash('sha256').update(content).digest('hex').slice(0, 10)
    const address = `assets/${name}.${digest}.${extension}`
    save(address, content)
    return address
  }
  return {
    style: named('style', 'css', reportStyle),
    scripts: [named('chart', 'js', chartScript()), named('page', 'js', pageScript())],
  }
}

function assetsAt(
  root: string,
  { style, scripts }: { readonly style: string; readonly scripts: readonly string[] },
): PageAssets {
  return {
    kind: 'linked',
    style: `${root}${style}`,
    scripts: scripts.map((one) => `${root}${one}`),
  }
}

function newestFirst({ slices: a }: Written, { slices: b }: Written): number {
  return compare(b.startedAt, a.startedAt) || compare(a.runId, b.runId)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Runs that are read again, whole, for the report. */
const MOST_KIN = 60
