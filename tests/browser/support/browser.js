// The browser: the system's own Chromium, always with a fresh profile.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";

import { chromium } from "playwright-core";

const PROGRAM =
  process.env.CHROMIUM ??
  ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The ways every journey is made: as most people do, and as the oldest browsers make us. */
export const WAYS = [
  { name: "with everything", script: true, style: true },
  { name: "without JavaScript", script: false, style: true },
  { name: "without JavaScript and style sheets", script: false, style: false },
];

/** How long a step of a journey may take. */
const PATIENCE_MS = 8_000;

/** Starts the browser. Its profile is made by the driver and removed with it. */
export function startBrowser() {
  assert.ok(PROGRAM, "there is no chromium; name one in $CHROMIUM");
  return chromium.launch({ executablePath: PROGRAM, args: FLAGS });
}

/**
 * A window of its own for one test, without cookies. When the test ends it is closed, and whatever
 * the browser complained about fails the test: errors of scripts, violations of the content policy,
 * files that are not there, and anything asked of another host.
 */
export async function visit(t, browser, server, options = {}) {
  const { script = true, style = true, width = 1280, height = 900, scheme = "light" } = options;
  const context = await browser.newContext({
    baseURL: server.url,
    javaScriptEnabled: script,
    colorScheme: scheme,
    viewport: { width, height },
    reducedMotion: "reduce",
    acceptDownloads: true,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const complaints = [];
  await context.route("**/*", (route) => {
    const request = route.request();
    const url = request.url();
    if (!url.startsWith(`${server.url}/`)) {
      complaints.push(`asked another host: ${url}`);
      return route.abort();
    }
    return !style && request.resourceType() === "stylesheet" ? route.abort() : route.continue();
  });
  const page = await context.newPage();
  page.on("console", (message) => {
    // The status of a page is the test's business; that of anything else is seen below.
    const isStatus = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isStatus) {
      complaints.push(`console: ${message.text()}`);
    }
  });
  page.on("pageerror", (error) => complaints.push(`script: ${error.message}`));
  page.on("response", (response) => {
    const isPage = response.request().resourceType() === "document";
    if ((!isPage && response.status() >= 400) || response.status() >= 500) {
      complaints.push(`${response.status()} for ${response.url()}`);
    }
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, [], "the browser complained");
  });
  return page;
}

/** Opens a page and answers its status. */
export async function open(page, path) {
  const response = await page.goto(path);
  return response.status();
}

/** Does something that leads to another page, and answers the status of that page. */
export async function leads(page, action) {
  const arrived = page.waitForEvent("response", (response) => {
    const request = response.request();
    const isRedirect = response.status() >= 300 && response.status() < 400;
    return request.isNavigationRequest() && request.frame() === page.mainFrame() && !isRedirect;
  });
  await action();
  const response = await arrived;
  await page.waitForLoadState();
  return response.status();
}

/** Presses a button by what it says, within a part of the page, and answers the status. */
export function press(page, name, within = page) {
  return leads(page, () => within.getByRole("button", { name, exact: true }).click());
}

/** Follows a link by what it says, within a part of the page, and answers the status. */
export function follow(page, name, within = page) {
  return leads(page, () => within.getByRole("link", { name, exact: true }).click());
}

/** Fills fields by their labels. */
export async function fill(scope, fields) {
  for (const [label, value] of Object.entries(fields)) {
    await scope.getByLabel(label, { exact: true }).fill(value);
  }
}

/** The path the browser is at. */
export function path(page) {
  return new URL(page.url()).pathname;
}

/** Signs in by the form. */
export async function signIn(page, { address, password }) {
  await open(page, "/sign-in");
  await fill(page, { Address: address, Password: password });
  assert.equal(await press(page, "Sign in", page.getByRole("main")), 200);
  assert.notEqual(path(page), "/sign-in", "the sign-in was refused");
}

/** Makes an account by the form, which signs in, too. */
export async function register(page, { address, password, name = "" }) {
  await open(page, "/register");
  await fill(page, { Address: address, Name: name, Password: password, "Password again": password });
  return press(page, "Make the account");
}

/** That a text is on the page, in its main part. */
export async function sees(page, text) {
  const main = await page.getByRole("main").innerText();
  const isThere = text instanceof RegExp ? text.test(main) : main.includes(text);
  assert.ok(isThere, `${text} is not on ${page.url()}:\n${main}`);
}
