// Node 20 cannot read `.ts`, so every npm script enters here: plain JavaScript that any Node of the
// last years can run. `npm ci` puts the project's own Node 26 into node_modules/.bin, and npm scripts
// find it first; where it is missing this file says how to mend that instead of a syntax error.
const [major] = process.versions.node.split('.').map(Number)
if (major < 26) {
  process.stderr.write(
    `trustbench: needs Node 26, found ${process.version} (${process.platform}-${process.arch}); ` +
      'run `npm ci` without --omit=optional, which brings it from the lock file, and call it by `npm run`\n',
  )
  process.exit(3)
}
if (process.argv[2] !== '--check') {
  const { start } = await import('../bench/cli.ts')
  await start(process.argv.slice(2))
}
