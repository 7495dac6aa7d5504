// The guide, as it is followed for four clients, down to the files that it hands out.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { follow, leads, open, path, sees, signIn } from "../support/browser.js";
import { journey } from "../support/journey.js";

const HOST = "msn.example.org";
const SETTINGS = {
  ADVERTISE__HOST: HOST,
  ADVERTISE__MSNP_PORT: "1863",
  ADVERTISE__HTTP_URL: `https://${HOST}`,
};

/** What the guide gives for each client, on the system that most people would use it on. */
const CLIENTS = [
  {
    name: "MSN Messenger 4.6",
    client: "msn-4",
    system: "xp",
    says: ["legacy sign-in", "MessengerService", HOST],
    files: { "server.reg": /^REGEDIT4\r\n[^]*"Server"="msn\.example\.org"\r\n/ },
  },
  {
    name: "MSN Messenger 7.5",
    client: "msn-7.5",
    system: "xp",
    says: ["hosts", "messenger.hotmail.com"],
    files: {
      "strings.txt": /messenger\.hotmail\.com/,
      "msnmsgr.exe-escargot.ini": /^\[options\]\r\nserver = msn\.example\.org\r\n/,
    },
  },
  {
    name: "Windows Live Messenger 2009",
    client: "wlm-2009",
    system: "win7",
    says: ["wlcomm.exe", "Contacts component"],
    files: {
      "msnmsgr.exe-escargot.ini": /^\[options\]\r\nserver = msn\.example\.org\r\n/,
      "wlcomm.exe-escargot.ini": /^\[options\]\r\nserver = msn\.example\.org\r\n/,
    },
  },
  { name: "Pidgin", client: "pidgin", system: "unix", says: [HOST, "1863"], files: {} },
];

journey("connecting a client", { settings: SETTINGS }, (walk) => {
  for (const { name, client, system, says, files } of CLIENTS) {
    walk(name, async ({ page }) => {
      await open(page, "/");
      assert.equal(await follow(page, "Connect a client", page.getByRole("navigation").first()), 200);
      const choice = (to) => page.locator(`ul.choices a[href="${to}"]`).first();
      assert.equal(await leads(page, () => choice(`/connect/${client}`).click()), 200);
      assert.equal(await leads(page, () => choice(`/connect/${client}/${system}`).click()), 200);
      for (const text of says) {
        await sees(page, text);
      }
      for (const [file, contents] of Object.entries(files)) {
        const link = page.getByRole("link", { name: `Download ${file}`, exact: true });
        const [download] = await Promise.all([
          page.waitForEvent("download"),
          link.first().click(),
        ]);
        assert.equal(download.suggestedFilename(), file);
        assert.match(await readFile(await download.path(), "latin1"), contents);
      }
      assert.equal(path(page), `/connect/${client}/${system}`);
      assert.equal(await follow(page, "Another client"), 200);
      assert.equal(path(page), "/connect");
    });
  }

  walk("what is unknown is no page", async ({ page }) => {
    assert.equal(await open(page, "/connect/icq"), 404);
    assert.equal(await open(page, "/connect/msn-7.5/amiga"), 404);
    await sees(page, "Connect a client");
  });

  walk("the oldest clients are let in at the account", async ({ page, server, word }) => {
    const account = await server.account(`${word}@example.com`, "correct horse");
    await signIn(page, account);
    await open(page, "/connect/msn-4/xp");
    assert.equal(await follow(page, "Your account", page.getByRole("main")), 200);
    assert.match(path(page), /^\/account/);
  });
});

// A hosts file needs an address, so it is there only where the server is known by one.
const BY_ADDRESS = { settings: { ...SETTINGS, ADVERTISE__HOST: "192.0.2.7" } };

journey("connecting to an address", BY_ADDRESS, (walk) => {
  for (const [at, line] of [
    ["msn-7.5/xp", "192.0.2.7\tmessenger.hotmail.com\r\n"],
    ["wlm-2009/win7", "192.0.2.7\tcontacts.msn.com\r\n"],
  ]) {
    walk(`${at} comes with lines for the hosts file`, async ({ page }) => {
      await open(page, `/connect/${at}`);
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("link", { name: "Download hosts-lines.txt" }).first().click(),
      ]);
      assert.ok((await readFile(await download.path(), "latin1")).includes(line));
    });
  }
});
