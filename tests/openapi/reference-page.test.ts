import { join } from 'node:path'
import { temporaryFolder } from '@mindtrace/core/testing'
import { openLake } from '@mindtrace/datalake'
import { serve } from '@mindtrace/service'
import { describe, expect, test } from 'vitest'
import { chromiumProgram, keepPicture, launchChromium } from '../servers/browser.ts'

describe.skipIf(chromiumProgram === undefined)(
  'the reference page (MINDTRACE_TEST_CHROMIUM; after a build)',
  () => {
    test('shows the document and tries a task with a key, with nothing from elsewhere', async () => {
      await using folder = await temporaryFolder()
      await using lake = await openLake(join(folder.path, 'lake'), { create: true })
      const { api_key } = await lake.keys.create({ name: 'page', role: 'reader' })
      await using service = await serve({ lake, port: 0, pidFolder: folder.path })
      const browser = await launchChromium()
      try {
        const page = await browser.newPage({ viewport: { width: 1200, height: 900 } })
        const faults: string[] = []
        page.on('console', (message) => {
          // That a request without a key was refused is meant; whatever the policy refuses is a fault.
          if (message.type() === 'error' && !message.text().includes('401')) {
            faults.push(message.text())
          }
        })
        page.on('pageerror', (error) => faults.push(error.message))
        const asked: string[] = []
        page.on('request', (request) => asked.push(request.url()))

        await page.goto(`${service.address}/redoc`)
        expect(page.url()).toBe(`${service.address}/docs`)
        await page
          .getByRole('link', { name: 'collections', exact: true })
          .waitFor({ timeout: 60_000 })
        await keepPicture(page, 'reference')

        const filter = page.getByPlaceholder(/filter/i)
        await filter.fill('collections')
        // The list is drawn anew.
        await expect.poll(() => page.locator('.opblock-tag').count()).toBeLessThan(5)
        await page.locator('.opblock-tag[data-tag="collections"] .expand-operation').click()
        const operation = page.locator('#operations-collections-collections_list_page')
        await operation.locator('.opblock-summary-control').click()
        await operation.getByRole('button', { name: 'Try it out' }).click()
        await operation.getByRole('button', { name: 'Execute' }).click()
        const status = operation.locator('.live-responses-table .response-col_status').last()
        await expect.poll(() => status.textContent()).toContain('401')

        await page.getByRole('button', { name: 'Authorize' }).first().click()
        const scheme = page.locator('.auth-container', { hasText: 'apiKey' }).first()
        await scheme.locator('input').fill(api_key)
        await scheme.getByRole('button', { name: /apply|authorize/i }).click()
        await page.getByRole('button', { name: 'Close' }).last().click()
        await operation.getByRole('button', { name: 'Execute' }).click()
        await expect.poll(() => status.textContent()).toContain('200')
        const body = operation.locator('.live-responses-table .response-col_description').last()
        expect(await body.textContent()).toContain('"has_more": false')
        await keepPicture(page, 'reference-tried')

        expect(faults).toEqual([])
        const elsewhere = asked.filter(
          (url) => !url.startsWith(service.address) && !url.startsWith('data:'),
        )
        expect(elsewhere).toEqual([])
        expect(asked.filter((url) => url.includes(api_key.slice(21)))).toEqual([])
        // Whoever opens the page anew has to enter the key anew.
        expect(
          await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }])'),
        ).not.toContain('mtk_')
      } finally {
        await browser.close()
      }
    }, 180_000)
  },
)
