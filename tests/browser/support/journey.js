// The frame of a journey: one browser and one server for a file, and every test in every way.

import { after, before, describe, it } from "node:test";

import { startBrowser, visit, WAYS } from "./browser.js";
import { Server } from "./server.js";

/**
 * Describes a journey. `tell` gets `walk(name, test)`, which makes a test of each way to go; the
 * test gets a page of its own, the server, and a word that is unique to this test for addresses.
 * `prepare` is called once with the server.
 */
export function journey(name, { settings, prepare, ways = WAYS }, tell) {
  describe(name, () => {
    let browser;
    let server;
    let prepared;
    let count = 0;
    before(async () => {
      server = await Server.start(settings);
      browser = await startBrowser();
      prepared = await prepare?.(server);
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
    });
    const walk = (title, test) => {
      for (const way of ways) {
        it(`${title}, ${way.name}`, async (t) => {
          count += 1;
          const window = (more = {}) => visit(t, browser, server, { ...way, ...more });
          const page = await window();
          await test({ page, window, server, prepared, way, word: `w${count}`, t });
        });
      }
    };
    tell(walk);
  });
}
