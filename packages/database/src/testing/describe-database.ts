import { describe } from 'vitest'
import { describeCounts } from './contract/counts.ts'
import { describeFilters } from './contract/filters.ts'
import { describeLifetime } from './contract/lifetime.ts'
import { describePaging } from './contract/paging.ts'
import { describeProcesses } from './contract/processes.ts'
import { describeReads } from './contract/reads.ts'
import { describeTransactions } from './contract/transactions.ts'
import { describeWrites } from './contract/writes.ts'
import type { DatabaseUnderTest } from './database-under-test.ts'

/** What every driver must do, as tests. A defect found in one driver becomes a case here, for all. */
export function describeDatabase(name: string, driver: DatabaseUnderTest): void {
  describe(`the ${name} database`, () => {
    describeWrites(driver)
    describeReads(driver)
    describeCounts(driver)
    describeFilters(driver)
    describePaging(driver)
    describeTransactions(driver)
    describeProcesses(driver)
    describeLifetime(driver)
  })
}
