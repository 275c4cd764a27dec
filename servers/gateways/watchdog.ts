import { spawn } from 'node:child_process'

/** Ends a product whose supervisor is gone. */
export interface Watchdog {
  /** The product has ended: there is nothing left to watch. */
  readonly release: () => void
}

/**
 * A shell that waits for the end of this process, however it comes, and then kills the process group of the
 * product: products do not notice that nobody supervises them any more. It sleeps until then. The folder, of
 * public files only, goes with it.
 */
export function watchOver(group: number, folder: string): Watchdog {
  const shell = spawn('/bin/sh', ['-c', script, 'watchdog', String(group), folder], {
    // Not a member of our own group: what kills that must not end it first.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.unref()
  shell.stdin.on('error', () => undefined)
  return {
    release: () => {
      shell.stdin.end('done\n')
    },
  }
}

const script = 'read -r word; [ "$word" = done ] || kill -s KILL -- "-$1"; rm -rf -- "$2"'
