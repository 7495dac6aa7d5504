// Every page that links lead to, found by following them: for everybody, for a member and for an
// administrator, on a phone and on a desktop, light and dark, with and without style sheets.
//
// With $CHRYSALIS_SCREENSHOTS, a folder, every page is also photographed.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { signIn, startBrowser, visit } from "../support/browser.js";
import { contrast, focus, plain, structure } from "../support/checks.js";
import { people } from "../support/people.js";
import { Server } from "../support/server.js";

const PICTURES = process.env.CHRYSALIS_SCREENSHOTS;
/** Pages that no link leads to. */
const HIDDEN = ["/no-such-page"];
/** More of them would be a mistake in the pages, or in the walk. */
const MOST_PAGES = 1_000;
/**
 * The guide has one form and hundreds of pages: all have to be there and be plain, these are looked
 * at. So are the pages of one account for administrators.
 */
const LIKE_OTHERS = /^\/connect\/(?!(msn-4|msn-7\.5\/xp|wlm-2009\/win7|pidgin\/unix)$)/;

/** Each width and each scheme is measured once; the others are for the width and for pictures. */
const LOOKS = [
  { name: "desktop-light", width: 1280, height: 800, scheme: "light" },
  { name: "phone-light", width: 390, height: 844, scheme: "light", isMeasured: true },
  { name: "desktop-dark", width: 1280, height: 800, scheme: "dark", isMeasured: true },
  { name: "phone-dark", width: 390, height: 844, scheme: "dark" },
];

describe("every page", () => {
  let browser;
  let server;
  let known;
  // The guide says the same to everybody, so it is seen once.
  const isSeen = new Set();
  before(async () => {
    server = await Server.start();
    browser = await startBrowser();
    known = await people(server);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  for (const who of ["anybody", "member", "admin"]) {
    it(`can be used by everybody, as seen by ${who}`, async (t) => {
      const account = known[who];
      const scout = await visit(t, browser, server);
      if (account) {
        await signIn(scout, account);
      }
      const problems = [];
      const note = (found, where) => problems.push(...found.map((it) => `${where}: ${it}`));
      const all = await explore(scout, server, note, isSeen);
      const pages = all.filter((path) => !LIKE_OTHERS.test(path));
      all.filter((path) => path.startsWith("/connect/")).forEach((path) => isSeen.add(path));
      t.diagnostic(`${all.length} pages, looked at: ${pages.join(" ")}`);
      const cookies = await scout.context().cookies();

      for (const look of LOOKS) {
        const page = await visit(t, browser, server, look);
        await page.context().addCookies(cookies);
        for (const path of pages) {
          const where = `${path} (${who}, ${look.name})`;
          await page.goto(path);
          note(await structure(page), where);
          await photograph(page, who, path, look);
          if (look.isMeasured) {
            note(await contrast(page), where);
            note(await focus(page), where);
          }
        }
      }

      const bare = await visit(t, browser, server, { script: false, style: false, width: 390 });
      await bare.context().addCookies(cookies);
      for (const path of pages) {
        await bare.goto(path);
        note(await unusable(bare), `${path} (${who}, without style sheets)`);
      }
      assert.deepEqual(problems, []);
    });
  }
});

/**
 * Follows every link of this site from the front page on; all of them have to lead somewhere, and
 * every page has to be plain. Answers the paths of the pages, apart from those in `isSeen`.
 */
async function explore(page, server, note, isSeen) {
  const found = ["/", ...HIDDEN];
  const seen = new Set([...found, ...isSeen]);
  for (let at = 0; at < found.length; at += 1) {
    assert.ok(found.length <= MOST_PAGES, `there is no end of pages: ${found.join(" ")}`);
    const path = found[at];
    const answer = await ask(page, path);
    assert.equal(answer.status(), HIDDEN.includes(path) ? 404 : 200, path);
    const html = await answer.text();
    note(await plain(page, html), path);
    const links = await page.evaluate((source) => {
      const sent = new DOMParser().parseFromString(source, "text/html");
      return [...sent.querySelectorAll("a[href]")].map((node) => node.getAttribute("href"));
    }, html);
    for (const link of links) {
      const url = new URL(link, server.url);
      const next = url.pathname + url.search;
      // A download is no page, and what only leads to a page is found behind it.
      if (url.origin !== server.url || seen.has(next)) {
        continue;
      }
      seen.add(next);
      const answer = await ask(page, next);
      assert.ok(answer.status() < 400, `${answer.status()} on ${path} for ${link}`);
      const kind = answer.headers()["content-type"] ?? "";
      if (answer.status() === 200 && kind.startsWith("text/html")) {
        found.push(next);
      }
    }
  }
  return found;
}

/** Asks as the browser does, with its cookies and for a page. */
function ask(page, path) {
  const headers = { accept: "text/html" };
  return page.context().request.get(path, { maxRedirects: 0, headers });
}

/** What cannot be used without a style sheet. */
function unusable(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, label")]
      .filter((node) => node.getClientRects().length === 0)
      .map((node) => `not there without a style sheet: ${node.outerHTML.slice(0, 120)}`),
  );
}

async function photograph(page, who, path, look) {
  if (PICTURES) {
    await mkdir(PICTURES, { recursive: true });
    const name = path.replace(/[^a-z0-9]+/gi, "-").replace(/^-|-$/g, "") || "home";
    const file = join(PICTURES, `${who}_${name}_${look.name}.png`);
    await page.screenshot({ path: file, fullPage: true, animations: "disabled" });
  }
}
