// The front page and its status.

import assert from "node:assert/strict";

import { follow, open, path, sees } from "../support/browser.js";
import { journey } from "../support/journey.js";

journey("the front page", { settings: { WEB__NAME: "The Old Café" } }, (walk) => {
  walk("says what this is and how it is", async ({ page }) => {
    assert.equal(await open(page, "/"), 200);
    assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "Messenger is back.");
    assert.match(await page.title(), /The Old Café/);
    const status = page.locator("#status");
    assert.match(await status.innerText(), /0 people signed in/);
    assert.match(await page.locator(".window code").innerText(), /^127\.0\.0\.1:\d+$/);
    assert.equal(await follow(page, "Sign in"), 200);
    assert.equal(path(page), "/sign-in");
  });

  walk("keeps its status fresh where it can", async ({ page, server, word, way }) => {
    await open(page, "/");
    const status = page.locator("#status");
    const before = await status.innerText();
    await server.account(`${word}@example.com`, "correct horse");
    if (way.script) {
      // What happens when somebody comes back to the tab.
      await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
      await status.filter({ hasNotText: before.split("\n").at(-1) }).waitFor();
    } else {
      await page.reload();
    }
    assert.notEqual(await status.innerText(), before);
  });

  walk("what is not there is said in a page", async ({ page }) => {
    assert.equal(await open(page, "/no-such-page"), 404);
    await sees(page, /There is nothing here/);
    await follow(page, "To the front page");
    assert.equal(path(page), "/");
  });
});
