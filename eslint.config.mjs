import tseslint from 'typescript-eslint'

/** Walls of the design: what a folder may not import. Each is a law, so each says why. */
const wall = (files, patterns, ignores = []) => ({
  files,
  ignores: ['**/*.test.ts', ...ignores],
  rules: { 'no-restricted-imports': ['error', { patterns }] },
})

const processes = {
  regex:
    '^node:(child_process|cluster|worker_threads|net|tls|http|https|http2|dgram|dns|fs|fs/promises|os|process|perf_hooks|timers|timers/promises)$',
  message: 'right of the wall nothing touches processes, sockets, files, the clock or the network',
}
const autocannon = {
  regex: '^autocannon$',
  message: 'only bench/load/closed.ts imports autocannon',
}
const opentelemetry = {
  regex: '^@opentelemetry/',
  message:
    'only the process that exports loads it: bench/otel/metrics-process.ts and what it is made of',
}

export default tseslint.config(
  // The scripts of the report's page run in browsers, out of reach of the types here.
  { ignores: ['node_modules', 'results', '**/*.mjs', 'bench/render/page/*.js'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'it', 'describe', 'suite'], package: 'node:test' },
          ],
        },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // `using _x` holds a resource that nobody reads.
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_' }],
      'no-console': 'error',
      'no-restricted-imports': ['error', { patterns: [autocannon, opentelemetry] }],
    },
  },
  // Law 5, and its one exception: the benchmark that puts autocannon beside our own driver.
  {
    files: ['bench/load/closed.ts', 'scripts/driver-benchmark/loads.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
  wall(
    ['bench/otel/metrics-process.ts', 'bench/otel/metric-data.ts', 'bench/otel/otlp.ts'],
    [autocannon],
  ),
  wall(
    ['servers/**'],
    [
      { regex: '/(bench|scenarios)/', message: 'a server process holds only what is measured' },
      autocannon,
    ],
  ),
  wall(
    ['scenarios/**'],
    [
      {
        regex: '^(?!\\.\\./bench/scenario\\.ts$)',
        message: 'a scenario is data: it imports only bench/scenario.ts',
      },
    ],
  ),
  wall(
    ['bench/analysis/**'],
    [
      processes,
      autocannon,
      {
        regex:
          '^(?!\\./|\\.\\./(results|events|trials|trial-series|demand|demand/resolve|validations|errors|scenario|cases|random)\\.ts$|\\.\\./load/histogram\\.ts$)\\.',
        message: 'analysis reads Run files and events only',
      },
    ],
  ),
  wall(
    ['bench/render/**'],
    [
      processes,
      autocannon,
      {
        regex:
          '^(?!\\./|\\.\\./(results|events|trials|trial-series|demand|validations|errors|scenario)\\.ts$|\\.\\./analysis/|\\.\\./load/histogram\\.ts$)\\.',
        message: 'render reads analysis and Run files only',
      },
    ],
    ['bench/render/png.ts'],
  ),
  wall(
    ['bench/live/page-*.ts'],
    [
      autocannon,
      {
        regex: '^\\.\\./(?!companion/|render/|store\\.ts$)',
        message: 'the process of the page reads what is saved and draws it',
      },
    ],
  ),
  {
    files: ['bench/**', 'scenarios/**', 'servers/**'],
    ignores: ['bench/cli.ts', '**/*.test.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'stdout', message: 'only bench/cli.ts writes to stdout' },
        {
          object: 'process',
          property: 'exitCode',
          message: 'only bench/cli.ts sets the exit code',
        },
      ],
    },
  },
  {
    files: ['bench/analysis/**', 'bench/render/**'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        'process',
        'performance',
        'fetch',
        'setTimeout',
        'setInterval',
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'the same Run file gives the same bytes' },
        { object: 'Math', property: 'random', message: 'the same Run file gives the same bytes' },
      ],
    },
  },
)
