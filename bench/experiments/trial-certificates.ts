import { performance } from 'node:perf_hooks'
import { resources } from '../../servers/config.ts'
import { createLab } from '../lab.ts'
import { fetchTokens } from '../lab-tokens.ts'
import { clientProfile, uris } from '../lab-credentials.ts'
import { caseOf } from './case-of.ts'
import { countOf, cpuUsEach, ownCpuUsEach, repeat, type Part, type Trial } from './trial.ts'
import { certificateSeries, fleets } from '../trial-series.ts'

/** What it costs to give a short-lived certificate to a client, and what to give it a token. */
export const certificates: Trial = {
  name: 'certificates',
  what: 'CPU of a P-256 certificate with its key from the local CA, beside a token from the issuer',
  seconds: 25,
  run: async (setting) => {
    await using lab = await createLab({
      parameters: caseOf('combined', {}, setting.scenarios).parameters,
    })
    await using issuer = await setting.start({
      program: 'authorization',
      configFile: await lab.writeConfig('issuer', lab.authorizationConfig()),
    })
    const issuerUrl = `https://127.0.0.1:${issuer.port}`
    const issue = () => lab.issuing.issue({ ...clientProfile(uris.billing), key: 'p256' })
    const tokens = countOf(tokensEach, setting)
    const cost = await repeat(
      [
        {
          name: certificateSeries.certificate,
          unit: 'µs',
          measure: () => ownCpuUsEach(countOf(certificatesEach, setting), issue),
        },
        {
          name: certificateSeries.token,
          unit: 'µs',
          // Its discovery and its handshake are spread over so many.
          measure: async () =>
            (await cpuUsEach(issuer.pid, { count: 1, atOnce: 1 }, () =>
              fetchTokens(lab, issuerUrl, tokenRequest, tokens),
            )) / tokens,
        },
      ],
      setting,
    )
    const renewals = await repeat(
      fleets.map((clients): Part => {
        const count = countOf(clients, setting)
        return {
          name: certificateSeries.renewal(clients),
          unit: 'ms',
          measure: async () => {
            const startMs = performance.now()
            for (let index = 0; index < count; index++) await issue()
            return ((performance.now() - startMs) / count) * clients
          },
        }
      }),
      { ...setting, repetitions: Math.min(setting.repetitions, fewRounds) },
    )
    return [...cost, ...renewals]
  },
}

const tokenRequest = { client: 'acme-terminal', resource: resources.jwt }
const certificatesEach = 60
const tokensEach = 120
const fewRounds = 5
