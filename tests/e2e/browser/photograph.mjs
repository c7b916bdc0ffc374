// photograph.mjs NODE_MODULES PAGE PICTURE: opens a page in Chromium, photographs all of it, and prints
// it as it stands in the browser, as HTML. Nothing of the network is to be had.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const width = 1060;
const patience = 20_000; // milliseconds, for each answer

// Browser speaks the DevTools protocol over a pair of pipes: JSON, a NUL after each message.
class Browser {
  #next = 1;
  #asked = new Map();
  #awaited = new Map();
  #text = '';

  constructor(program, args) {
    this.process = spawn(program, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    this.process.on('error', (error) => this.#end(error));
    this.process.on('exit', (code, signal) => this.#end(new Error(`Chromium ended with ${code ?? signal}`)));
    this.process.stdio[3].on('error', () => {}); // it has ended
    this.process.stdio[4].setEncoding('utf8').on('data', (chunk) => {
      const parts = (this.#text + chunk).split('\0');
      this.#text = parts.pop();
      parts.forEach((part) => this.#take(JSON.parse(part)));
    });
  }

  // #end refuses what is asked, and whatever is asked from now on.
  #end(why) {
    this.ended ??= why;
    this.#asked.forEach(({ reject }) => reject(this.ended));
    this.#awaited.forEach(({ reject }) => reject(this.ended));
  }

  #take({ id, method, result, error }) {
    this.#awaited.get(method)?.resolve();
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (error) asked?.reject(new Error(error.message));
    else asked?.resolve(result);
  }

  ask(method, params = {}, sessionId = this.session) {
    const id = this.#next++;
    return this.#promise(this.#asked, id, method, () => this.process.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + '\0'));
  }

  event(method) {
    return this.#promise(this.#awaited, method, method, () => {});
  }

  // #promise is kept within our patience, or broken.
  #promise(among, key, what, begin) {
    return new Promise((resolve, reject) => {
      if (this.ended) return reject(this.ended);
      const late = setTimeout(() => reject(new Error(`Chromium does not answer ${what}`)), patience);
      const settled = (settle) => (value) => { clearTimeout(late); settle(value); };
      among.set(key, { resolve: settled(resolve), reject: settled(reject) });
      begin();
    });
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
try {
  const { targetId } = await browser.ask('Target.createTarget', { url: 'about:blank' });
  browser.session = (await browser.ask('Target.attachToTarget', { targetId, flatten: true })).sessionId;
  await browser.ask('Page.enable');
  const loaded = browser.event('Page.loadEventFired');
  loaded.catch(() => {}); // told where it is awaited
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
  browser.process.kill('SIGKILL');
  await new Promise((resolve) => browser.process.pid === undefined || browser.process.exitCode !== null || browser.process.signalCode ? resolve() : browser.process.on('exit', resolve));
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}
