import { join } from 'node:path'
import { temporaryFolder } from '@mindtrace/core/testing'
import { describe, expect, test } from 'vitest'
import { runCli, startCli } from '../cli/run-cli.ts'
import { chromiumProgram, keepPicture, launchChromium } from '../servers/browser.ts'

describe.skipIf(chromiumProgram === undefined)(
  'the page of a lake with keys (MINDTRACE_TEST_CHROMIUM)',
  () => {
    test('asks for a key, keeps it in the tab, and shows pictures with it', async () => {
      await using folder = await temporaryFolder()
      const running = startCli(['quickstart', '--folder', folder.path, '--port', '0'])
      const browser = await launchChromium()
      try {
        const address = /Look at it:\s+(\S+)/.exec(await running.saw('Try next'))?.[1] ?? ''
        const lake = join(folder.path, 'lake')
        // A key that is made while the service runs closes it within seconds.
        const made = await runCli(['keys', 'create', '--name', 'page', '--lake', lake, '--quiet'])
        const key = made.stdout.trim()
        expect(key).toMatch(/^mtk_/)
        await expect
          .poll(async () => (await fetch(`${address}/v1/extensions`)).status, { timeout: 5_000 })
          .toBe(401)

        const page = await browser.newPage({ viewport: { width: 1200, height: 800 } })
        const faults: string[] = []
        page.on('console', (message) => {
          const text = message.text()
          // That a request was refused is the point of the page; anything else is not.
          if (message.type() === 'error' && !text.includes('401')) faults.push(text)
        })
        page.on('pageerror', (error) => faults.push(error.message))
        const asked: string[] = []
        page.on('request', (request) => asked.push(request.url()))
        await page.goto(address)
        const field = page.getByLabel('Key')
        await field.waitFor()
        await keepPicture(page, 'sign-in')
        await field.fill('mtk_wrong')
        await page.getByRole('button', { name: 'Sign in' }).click()
        await page.getByText('not known here').waitFor()
        await field.fill(key)
        await page.getByRole('button', { name: 'Sign in' }).click()

        const tiles = page.locator('.tile')
        await tiles.first().waitFor()
        const widthOf = (image: unknown) => (image as { naturalWidth: number }).naturalWidth
        await expect
          .poll(() => tiles.locator('img').first().evaluate(widthOf), { timeout: 10_000 })
          .toBeGreaterThan(0)
        await keepPicture(page, 'signed-in')
        await tiles.first().click()
        await page.getByRole('dialog').waitFor()
        await expect
          .poll(() => page.locator('dialog .frame img').evaluate(widthOf), { timeout: 10_000 })
          .toBeGreaterThan(100)
        await page.keyboard.press('Escape')

        // Another tab of the same browser has to ask again, and no address holds the key.
        const other = await browser.newPage()
        await other.goto(address)
        await other.getByLabel('Key').waitFor()
        expect(asked.filter((url) => url.includes(key.slice(21)))).toEqual([])
        await page.getByRole('button', { name: 'Sign out' }).click()
        await field.waitFor()
        expect(faults).toEqual([])
      } finally {
        await browser.close()
        running.process.kill('SIGINT')
        const { stdout, stderr } = await running.finished
        expect(stdout + stderr).not.toContain('mtk_')
      }
    }, 120_000)
  },
)
