import { appendFileSync, existsSync, mkdirSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

/**
 * Starts the Chromium of the system (CHROMIUM_PATH, else Debian's), or returns null where there is none.
 *
 * Under CI a missing one throws. Elsewhere the skip is noted in `.test-report/skipped`, so that the run's last line tells it.
 */
export async function launchBrowser(what: string): Promise<Browser | null> {
  const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
  if (existsSync(executablePath)) {
    // Chromium refuses its sandbox to root, which is who runs the tests in a container.
    return chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0 });
  }
  const missing = `${what}: no Chromium at ${executablePath} (apt-get install chromium, or set CHROMIUM_PATH)`;
  if (process.env.CI) throw new Error(missing);
  mkdirSync('.test-report', { recursive: true });
  appendFileSync('.test-report/skipped', `${missing}\n`);
  return null;
}

/** Writes the page to the file that SCREENSHOT names, such as the README's picture; without it, nothing. */
export async function keepScreenshot(page: Page): Promise<void> {
  const path = process.env.SCREENSHOT;
  if (path !== undefined) await page.screenshot({ path });
}
