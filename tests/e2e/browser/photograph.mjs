// photograph.mjs NODE_MODULES PAGE PICTURE: opens a page in Chromium, photographs all of it, and prints
// it as it stands in the browser, as HTML. Nothing of the network is to be had.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const width = 1060;

// Browser speaks the DevTools protocol over a pair of pipes: JSON, a NUL after each message.
class Browser {
  #next = 1;
  #asked = new Map();
  #awaited = new Map();
  #text = '';

  constructor(program, args) {
    this.process = spawn(program, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    this.process.on('exit', (code) => this.#asked.forEach(({ reject }) => reject(new Error(`Chromium ended with ${code}`))));
    this.process.stdio[4].setEncoding('utf8').on('data', (chunk) => {
      const parts = (this.#text + chunk).split('\0');
      this.#text = parts.pop();
      parts.forEach((part) => this.#take(JSON.parse(part)));
    });
  }

  #take({ id, method, result, error }) {
    this.#awaited.get(method)?.();
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (error) asked?.reject(new Error(error.message));
    else asked?.resolve(result);
  }

  ask(method, params = {}, sessionId = this.session) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.process.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + '\0');
    });
  }

  event(method) {
    return new Promise((resolve) => this.#awaited.set(method, resolve));
  }
}

const [modules, page, picture] = process.argv.slice(2);
// The package brings libraries and fonts for machines that have none; it hands them out where it believes to be one.
process.env.AWS_EXECUTION_ENV ??= 'AWS_Lambda_nodejs22.x';
const { default: chromium } = await import(pathToFileURL(join(modules, '@sparticuz/chromium/build/index.js')));
const profile = mkdtempSync(join(tmpdir(), 'profile-'));
const program = await chromium.executablePath();
// Its own fonts.conf looks for the fonts in one place only, wherever they were unpacked.
process.env.FONTCONFIG_FILE = join(profile, 'fonts.conf');
writeFileSync(process.env.FONTCONFIG_FILE, `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${join(tmpdir(), 'fonts')}</dir><cachedir>${join(profile, 'fonts')}</cachedir></fontconfig>`);
const browser = new Browser(program, [...chromium.args,
  '--remote-debugging-pipe', '--hide-scrollbars', '--proxy-server=127.0.0.1:9', '--disable-background-networking', `--user-data-dir=${profile}`]);
const patience = setTimeout(() => browser.process.kill('SIGKILL'), 60_000);
try {
  const { targetId } = await browser.ask('Target.createTarget', { url: 'about:blank' });
  browser.session = (await browser.ask('Target.attachToTarget', { targetId, flatten: true })).sessionId;
  await browser.ask('Page.enable');
  const loaded = browser.event('Page.loadEventFired');
  await browser.ask('Emulation.setDeviceMetricsOverride', { width, height: 1000, deviceScaleFactor: 1, mobile: false });
  await browser.ask('Page.navigate', { url: pathToFileURL(page).href });
  await loaded;
  const evaluate = async (expression) => (await browser.ask('Runtime.evaluate', { expression, returnByValue: true })).result.value;
  const height = await evaluate('Math.ceil(document.documentElement.getBoundingClientRect().bottom) + 32');
  await browser.ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
  const { data } = await browser.ask('Page.captureScreenshot', { format: 'png' });
  writeFileSync(picture, Buffer.from(data, 'base64'));
  process.stdout.write(await evaluate('document.documentElement.outerHTML'));
} finally {
  clearTimeout(patience);
  browser.process.kill('SIGKILL');
  await new Promise((resolve) => browser.process.exitCode !== null || browser.process.signalCode ? resolve() : browser.process.on('exit', resolve));
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}
