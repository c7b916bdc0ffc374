// photograph.mjs NODE_MODULES PAGE PICTURE: opens a page in Chromium, photographs it and prints its text as JSON:
// for each row of a table with data-metric its cells, how many bars there are, and what was asked of the network.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, page, picture] = process.argv.slice(2);
const { default: chromium } = await import(pathToFileURL(join(modules, '@sparticuz/chromium/build/esm/index.js')));
const program = await chromium.executablePath();
const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
const common = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--single-process', '--no-zygote', '--hide-scrollbars',
  `--user-data-dir=${profile}`, '--window-size=1000,2600', '--proxy-server=127.0.0.1:9', '--disable-background-networking'];
const url = pathToFileURL(page).href;
const options = { stdio: ['ignore', 'pipe', 'ignore'], timeout: 60_000, maxBuffer: 1 << 26 };
try {
  execFileSync(program, [...common, `--screenshot=${picture}`, url], options);
  process.stdout.write(execFileSync(program, [...common, '--dump-dom', url], options));
} finally {
  rmSync(profile, { recursive: true, force: true });
}
