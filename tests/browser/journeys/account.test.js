// One's own account: every change that can be made, and that it is really made.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { deflateSync } from "node:zlib";

import { fill, follow, open, path, press, sees, signIn } from "../support/browser.js";
import { journey } from "../support/journey.js";

const PASSWORD = "correct horse";

/** An account for this test, signed in. */
async function enter({ page, server, word }, ...words) {
  const account = await server.account(`${word}@example.com`, PASSWORD, ...words);
  await signIn(page, account);
  return account;
}

journey("one's own account", {}, (walk) => {
  walk("has a name and a message that can be changed", async (with_) => {
    const { page } = with_;
    await enter(with_);
    await follow(page, "Name and picture", page.locator(".tabs"));
    await fill(page, { Name: "Ann & <Co>", "Personal message": "gone fishing" });
    assert.equal(await press(page, "Save"), 200);
    await sees(page, /saved|changed|name/i);
    assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "Ann & <Co>");
    await open(page, "/account");
    await sees(page, "Ann & <Co>");
    await sees(page, "gone fishing");
  });

  walk("has a picture that can be sent and removed", async (with_) => {
    const { page } = with_;
    await enter(with_);
    await open(page, "/account/profile");
    const field = page.getByLabel("A new picture");
    await field.setInputFiles({ name: "a.png", mimeType: "image/png", buffer: Buffer.from("no") });
    assert.equal(await press(page, "Send the picture"), 422);
    assert.equal(await page.locator(".wrong").count(), 1);
    await field.setInputFiles({ name: "a.png", mimeType: "image/png", buffer: picture(40, 20) });
    assert.equal(await press(page, "Send the picture"), 200);
    await sees(page, "Your picture is in its place.");
    const shown = page.getByRole("img", { name: "Your picture" });
    assert.ok(await shown.evaluate((image) => image.complete && image.naturalWidth > 0));
    assert.equal(await press(page, "Remove the picture"), 200);
    await sees(page, "Your picture is removed.");
    assert.equal(await page.getByRole("img", { name: "Your picture" }).count(), 0);
  });

  walk("has a password that can be changed by who knows it", async (with_) => {
    const { page, window } = with_;
    const account = await enter(with_);
    const other = await window();
    await signIn(other, account);

    await follow(page, "Password", page.locator(".tabs"));
    const typed = { "New password": "battery staple", "New password again": "battery staple" };
    await fill(page, { "Your password now": "wrong horse", ...typed });
    assert.ok([403, 422].includes(await press(page, "Change the password")));
    assert.equal(await page.locator(".wrong").count(), 1);
    await fill(page, { "Your password now": PASSWORD, ...typed });
    assert.equal(await press(page, "Change the password"), 200);
    assert.equal(path(page), "/account");

    await open(other, "/account");
    assert.equal(path(other), "/sign-in", "the other browser is still signed in");
    await signIn(other, { ...account, password: "battery staple" });
  });

  walk("signs other browsers out", async (with_) => {
    const { page, window } = with_;
    const account = await enter(with_);
    const other = await window();
    await signIn(other, account);
    await follow(page, "Signed in", page.locator(".tabs"));
    await sees(page, "this one");
    assert.equal(await press(page, "Sign out all other browsers"), 200);
    await sees(page, "All other browsers are signed out.");
    await open(other, "/account");
    assert.equal(path(other), "/sign-in");
    await open(page, "/account");
    assert.equal(path(page), "/account");
  });

  walk("opens and closes the way in for the oldest clients", async (with_) => {
    const { page } = with_;
    await enter(with_);
    await follow(page, "Old clients", page.locator(".tabs"));
    await sees(page, "They cannot sign in to your account.");
    assert.equal(await press(page, "Make a separate password"), 200);
    const secret = await page.locator(".secret").innerText();
    assert.match(secret, /^\S{12}$/);
    await open(page, "/account/legacy");
    await sees(page, "with a password of their own");
    assert.equal(await page.getByText(secret).count(), 0, "the password is shown again");
    assert.equal(await press(page, "Close it"), 200);
    await sees(page, "They cannot sign in to your account.");
  });

  walk("shows contacts, and whom one has blocked", async (with_) => {
    const { page } = with_;
    await enter(with_);
    await follow(page, "Contacts", page.locator(".tabs"));
    await sees(page, "You have blocked nobody.");
  });

  walk("can be taken along and deleted", async (with_) => {
    const { page } = with_;
    const account = await enter(with_);
    await follow(page, "Your data", page.locator(".tabs"));
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Download (JSON)" }).click(),
    ]);
    const data = await readFile(await download.path(), "utf8");
    assert.ok(JSON.stringify(JSON.parse(data)).includes(account.address));

    await follow(page, "Delete your account", page.getByRole("main"));
    await fill(page, { "Your password": PASSWORD });
    assert.equal(await press(page, "Delete it for ever"), 422);
    await sees(page, "Tick this box if you are sure.");
    await fill(page, { "Your password": PASSWORD });
    await page.getByLabel("Yes, delete my account").check();
    assert.equal(await press(page, "Delete it for ever"), 200);
    await open(page, "/sign-in");
    await fill(page, { Address: account.address, Password: PASSWORD });
    assert.equal(await press(page, "Sign in", page.getByRole("main")), 403);
  });
});

/** A PNG of one colour. */
function picture(width, height) {
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, 0x88)]);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const rows = deflateSync(Buffer.concat(Array(height).fill(row)));
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", rows),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(name, contents) {
  const body = Buffer.concat([Buffer.from(name, "latin1"), contents]);
  const frame = Buffer.alloc(body.length + 8);
  frame.writeUInt32BE(contents.length, 0);
  body.copy(frame, 4);
  frame.writeUInt32BE(checksum(body), body.length + 4);
  return frame;
}

function checksum(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) {
      sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
    }
  }
  return ~sum >>> 0;
}
