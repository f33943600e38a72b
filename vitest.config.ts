import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['@mindtrace/source'] },
  ssr: {
    resolve: { conditions: ['@mindtrace/source'], externalConditions: ['@mindtrace/source'] },
  },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'apps/*/src/**/*.test.ts',
      'tests/**/*.test.ts',
      'scripts/**/*.test.ts',
    ],
    globalSetup: ['tests/servers/global-setup.ts'],
    reporters: ['default', './scripts/count-reporter.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // What tests read from stores is not kept on the machine, unless a test says where.
    env: { MINDTRACE_CACHE: 'off' },
    execArgv: ['--conditions=@mindtrace/source', '--disable-warning=ExperimentalWarning'],
  },
})
