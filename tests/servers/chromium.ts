import { type Found, onPath, output, type Provision } from './rung.ts'

/** A browser for tests of the explorer's page. */
export const chromium: Provision = {
  name: 'Chromium',
  variable: 'MINDTRACE_TEST_CHROMIUM',
  rungs: [fromPath, fromPackages],
  without:
    'tests of the page in a browser are left out: needs chromium on PATH, or MINDTRACE_TEST_CHROMIUM',
}

async function fromPath(): Promise<Found | undefined> {
  const value = await onPath('chromium', 'chromium-browser', 'google-chrome-stable')
  return value === undefined ? undefined : { value, how: 'PATH' }
}

/** Only where the machine is ours to change: in CI, as root. */
async function fromPackages(): Promise<Found | undefined> {
  const apt = await onPath('apt-get')
  if (process.env.CI !== 'true' || process.getuid?.() !== 0 || apt === undefined) return undefined
  await output(apt, ['update', '-qq'], { timeoutMs: 300_000 })
  await output(apt, ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], {
    timeoutMs: 600_000,
  })
  const found = await fromPath()
  return found === undefined ? undefined : { ...found, how: 'installed' }
}
