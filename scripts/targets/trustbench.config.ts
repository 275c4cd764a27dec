import { defineConfig } from '../../bench/config.ts'

// What a CI job commits: two versions of a service, interleaved as arms of the same blocks. Run it by
// npm run bench -- --config scripts/targets/trustbench.config.ts
export default defineConfig({
  // The first is what the other is told against.
  targets: [
    { name: 'before', url: process.env['BEFORE_URL'] ?? 'http://127.0.0.1:8081/payments' },
    { name: 'after', url: process.env['AFTER_URL'] ?? 'http://127.0.0.1:8082/payments' },
  ],
  iOwnThisTarget: true,
  headers: { accept: 'application/json' },
  // Secrets are named, never written here:
  // issuer: 'https://login.example', clientId: 'ci', clientSecret: { env: 'CI_CLIENT_SECRET' },
  connections: 4,
  quick: true,
})
