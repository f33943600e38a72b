import { join } from 'node:path'
import { temporaryFolder } from '@mindtrace/core/testing'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startCli } from '../cli/run-cli.ts'
import { chromiumProgram, launchChromium } from '../servers/browser.ts'

/** Runs `mindtrace quickstart` until it serves. */
async function quickstart(folder: string) {
  const running = startCli(['quickstart', '--folder', folder, '--port', '0'])
  const output = await running.saw('Try next')
  const address = /Look at it:\s+(\S+)/.exec(output)?.[1] ?? ''
  return {
    address,
    output,
    async [Symbol.asyncDispose]() {
      running.process.kill('SIGINT')
      await running.finished
    },
  }
}

describe.skipIf(chromiumProgram === undefined)('the quickstart (MINDTRACE_TEST_CHROMIUM)', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser.close())

  async function openPage(address: string): Promise<{ page: Page; faults: string[] }> {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } })
    const faults: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text())
    })
    page.on('pageerror', (error) => faults.push(error.message))
    await page.goto(address)
    return { page, faults }
  }

  test('shows a dataset with thumbnails and boxes, and a second run reuses the lake', async () => {
    await using folder = await temporaryFolder()
    const place = join(folder.path, 'start')
    {
      await using first = await quickstart(place)
      expect(first.output).toContain('imported 60 samples')
      const { page, faults } = await openPage(first.address)

      const tiles = page.locator('.tile')
      await tiles.first().waitFor()
      expect(await page.locator('nav.datasets').textContent()).toContain('printed-parts')
      const widthOf = (image: unknown) => (image as { naturalWidth: number }).naturalWidth
      await expect.poll(() => tiles.locator('img').first().evaluate(widthOf)).toBeGreaterThan(0)
      const withBoxes = page.locator('.tile:has(.count)').first()
      const count = Number(await withBoxes.locator('.count').textContent())
      expect(await withBoxes.locator('svg rect').count()).toBeGreaterThanOrEqual(count)
      expect(await withBoxes.locator('.name').textContent()).toMatch(/\.jpg$/)

      await withBoxes.click()
      const dialog = page.getByRole('dialog')
      await dialog.waitFor()
      expect(await dialog.locator('.annotations > li').count()).toBe(count)
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'hidden' })

      await page.getByText('val', { exact: false }).first().click()
      await expect.poll(() => tiles.count()).toBe(9)
      expect(page.url()).toContain('split=val')
      expect(faults).toEqual([])
      await page.close()
    }
    await using second = await quickstart(place)
    expect(second.output).toContain('found 60 pictures')
    expect(second.output).toContain('is in the lake')
    expect(second.output).not.toContain('imported')
  }, 120_000)
})
