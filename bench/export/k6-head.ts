import { credentialFilesOf, exampleUrl, variablesOf, type K6Plan } from './k6-plan.ts'
import { commentText } from './literal.ts'

/** The comment at the head of a script: how to run it, and what it cannot tell. */
export function k6Head(plan: K6Plan): string {
  const { scenario, id } = plan.case
  const paragraphs = [
    [
      `${scenario.name}: ${scenario.question}`,
      `Written by trustbench (npm run export -- k6 ${scenario.name}) for the case`,
      id,
    ],
    runningOf(plan),
    ['What trustbench tells of the same case (npm run bench), and this does not:'].concat(
      missingOf(plan).flatMap((lines) =>
        lines.map((line, at) => `${at === 0 ? '- ' : '  '}${line}`),
      ),
    ),
  ]
  return paragraphs
    .map((lines) => lines.map((line) => `// ${commentText(line)}\n`).join(''))
    .join('//\n')
}

/** The command that runs the script of a plan. */
export function runCommand(plan: K6Plan): string {
  const values: Readonly<Record<string, string>> = {
    TARGET_URL: exampleUrl(plan),
    TOKEN_URL: 'https://idp.example/token',
    CLIENT_ID: 'my-client',
    CREDENTIALS: '.',
  }
  const settings = variablesOf(plan).map((name) => `${name}=${values[name] ?? ''} `)
  return `${settings.join('')}k6 run ${plan.case.scenario.name}.js`
}

function runningOf(plan: K6Plan): string[] {
  const files = credentialFilesOf(plan)
  return [
    `  ${runCommand(plan)}`,
    ...(files.length === 0
      ? []
      : [
          `CREDENTIALS is the folder, seen from this file, of ${files.join(', ')}.`,
          'Leave it unset for k6 archive, cloud and inspect: they keep or print what is read from it.',
        ]),
    ...(plan.tlsVersion === null
      ? []
      : ['A private authority: SSL_CERT_FILE=ca.pem before k6; it has no option for it.']),
  ]
}

function missingOf(plan: K6Plan): string[][] {
  return [
    ['CPU per request of the server, and of the authorization server: k6 sees times alone.'],
    ['What the server refuses. Nothing is attacked first: one that lets a forgery in passes here.'],
    [
      'Latency from the intended send, connecting included: http_req_duration is sending, waiting and',
      'receiving; look at http_req_blocked, http_req_connecting and http_req_tls_handshaking beside it.',
    ],
    [
      'What slow answers hide (coordinated omission): iterations start on schedule, whatever the server',
      'does, but one that finds no free virtual user is dropped and in no latency; hence the threshold.',
    ],
    [
      'How many requests a connection carries: each virtual user has one that stays, over HTTP/2 where',
      'the server offers it (GODEBUG=http2client=0 for HTTP/1.1, which trustbench speaks).',
    ],
    ...(plan.tlsVersion === null
      ? []
      : [
          ['Resumed handshakes, by policy and share: k6 resumes no TLS session (grafana/k6#3021).'],
        ]),
    ...(plan.certificate
      ? [
          [
            'More than one client: k6 offers its certificate to every server that asks for one of its',
            'authority; `domains` narrows nothing (grafana/k6#5153).',
          ],
        ]
      : []),
    ...(plan.token === null
      ? []
      : [
          [
            'Requests that never wait for a token: here a virtual user renews its own ahead of its end,',
            'before a request. Those are tagged request:token, and in no threshold.',
          ],
        ]),
    ...(plan.token?.proof === true
      ? [
          [
            'Requests that never wait for a proof: here a virtual user signs its own, by the Web Crypto of',
            'k6 1.0 and later. Nonces of a server (RFC 9449 section 8) are not taken up.',
          ],
        ]
      : []),
    ...(plan.request.body === null
      ? [['Whether the body is right: that of a path of your own is not known here.']]
      : []),
    ...(plan.load.seats > 1
      ? [['One figure over all runners: each judges the thresholds by its own share of the load.']]
      : []),
    ['A comparison: two runs here differ by the minutes between them, and have no interval.'],
  ]
}
