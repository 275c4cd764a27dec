import { spawn } from 'node:child_process'

/** Opens an address in the user's browser by the platform's own opener; that there is none is no error. */
export function openBrowser(url: string): void {
  const [file, ...rest] = opener(process.platform)
  const child = spawn(file, [...rest, url], { stdio: 'ignore', detached: true })
  child.once('error', () => undefined)
  child.unref()
}

function opener(platform: NodeJS.Platform): readonly [string, ...string[]] {
  if (platform === 'darwin') return ['open']
  return platform === 'win32' ? ['rundll32', 'url.dll,FileProtocolHandler'] : ['xdg-open']
}
