import { availableParallelism } from 'node:os'
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
    // Many tests wait for servers and programs, so as many files as there are cores; the servers are the same for all.
    maxWorkers: Math.min(4, availableParallelism()),
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // What tests read from stores is not kept on the machine, unless a test says where.
    env: { MINDTRACE_CACHE: 'off' },
    execArgv: ['--conditions=@mindtrace/source', '--disable-warning=ExperimentalWarning'],
  },
})
