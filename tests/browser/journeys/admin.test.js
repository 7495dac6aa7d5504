// The desk of administrators, and that nobody else sees it.

import assert from "node:assert/strict";

import { fill, follow, open, path, press, register, sees, signIn } from "../support/browser.js";
import { journey } from "../support/journey.js";

const PASSWORD = "correct horse";
const prepare = (server) => server.account("chief@example.com", PASSWORD, "--admin");
const settings = { REGISTRATION__MODE: "invitation" };

/** An account to work on, opened by the administrator as one finds it: by searching. */
async function find({ page, server, prepared, word }) {
  const account = await server.account(`${word}@example.com`, PASSWORD, "--name", "Ann");
  await signIn(page, prepared);
  await follow(page, "Administration");
  await follow(page, "Accounts", page.locator(".desk"));
  await fill(page, { "Part of an address or a name": account.address });
  assert.equal(await press(page, "Search"), 200);
  assert.equal(await follow(page, account.address, page.getByRole("main")), 200);
  return account;
}

/** Whether somebody can sign in, tried in a window of their own. */
async function maySignIn(window, { address, password }) {
  const page = await window();
  await open(page, "/sign-in");
  await fill(page, { Address: address, Password: password });
  return (await press(page, "Sign in", page.getByRole("main"))) === 200;
}

journey("the desk of administrators", { settings, prepare }, (walk) => {
  walk("is not there for anybody else", async ({ page, server, word }) => {
    await open(page, "/admin");
    assert.equal(path(page), "/sign-in");
    await signIn(page, await server.account(`${word}@example.com`, PASSWORD));
    assert.equal(await page.getByRole("link", { name: "Administration" }).count(), 0);
    for (const hidden of ["/admin", "/admin/accounts", "/admin/settings"]) {
      assert.equal(await open(page, hidden), 404);
    }
  });

  walk("renames, disables and enables an account", async (with_) => {
    const { page, window } = with_;
    const account = await find(with_);
    await fill(page, { "What their friends see": "Ann the Second" });
    assert.equal(await press(page, "Change the name"), 200);
    await sees(page, "Ann the Second");
    assert.equal(await press(page, "Disable the account"), 200);
    await sees(page, "The account is disabled");
    assert.equal(await maySignIn(window, account), false);
    assert.equal(await press(page, "Let it sign in again"), 200);
    assert.equal(await maySignIn(window, account), true);
  });

  walk("gives a new password, which is shown once", async (with_) => {
    const { page, window } = with_;
    const account = await find(with_);
    assert.equal(await press(page, "Make a new password"), 200);
    const password = await page.locator(".reveal code").innerText();
    assert.equal(await maySignIn(window, account), false);
    assert.equal(await maySignIn(window, { ...account, password }), true);
  });

  walk("makes an administrator and takes the right away", async (with_) => {
    const { page, window } = with_;
    const account = await find(with_);
    assert.equal(await press(page, "Make them an administrator"), 200);
    const theirs = await window();
    await signIn(theirs, account);
    assert.equal(await open(theirs, "/admin"), 200);
    assert.equal(await press(page, "Take that right away"), 200);
    assert.notEqual(await open(theirs, "/admin/accounts"), undefined);
    await sees(theirs, /There is nothing|Not found|Sign in/i);
  });

  walk("deletes an account that is named again", async (with_) => {
    const { page, window } = with_;
    const account = await find(with_);
    const label = "To confirm, type the address of the account";
    await fill(page, { [label]: "somebody@example.com" });
    await press(page, "Delete the account");
    assert.equal(await maySignIn(window, account), true);
    await fill(page, { [label]: account.address });
    assert.equal(await press(page, "Delete the account"), 200);
    await sees(page, "The account was deleted.");
    assert.equal(await maySignIn(window, account), false);
  });

  walk("invites, and whoever has the code comes in", async ({ page, window, prepared, word }) => {
    await signIn(page, prepared);
    await open(page, "/admin/invitations");
    await fill(page, { "For whom": `for ${word}`, "For how many accounts": "none" });
    assert.equal(await press(page, "Make an invitation"), 422);
    await fill(page, { "For how many accounts": "1", "For how many days": "" });
    assert.equal(await press(page, "Make an invitation"), 200);
    const row = page.getByRole("row").filter({ hasText: `for ${word}` });
    const code = await row.locator("code").innerText();

    const guest = await window();
    const account = { address: `${word}@example.com`, password: PASSWORD };
    await open(guest, "/register");
    await fill(guest, {
      "Invitation code": code,
      Address: account.address,
      Password: PASSWORD,
      "Password again": PASSWORD,
    });
    assert.equal(await press(guest, "Make the account"), 200);
    assert.equal(path(guest), "/account");

    await page.reload();
    assert.match(await row.innerText(), /used up/);
    assert.equal(await press(page, "Remove", row), 200);
    assert.equal(await row.count(), 0);
    assert.equal(await register(await window(), { ...account, address: `x${account.address}` }), 422);
  });

  walk("tells everybody, plans a stop and calls it off", async ({ page, window, prepared }) => {
    await signIn(page, prepared);
    await open(page, "/admin/announcement");
    assert.equal(await press(page, "Announce it"), 422);
    await fill(page, { "What everybody shall read": "There is cake in the kitchen." });
    assert.equal(await press(page, "Announce it"), 200);
    await sees(page, "The announcement went to everybody who is signed in.");

    await follow(page, "Maintenance", page.locator(".desk"));
    await fill(page, { "Minutes until the server stops": "90" });
    assert.equal(await press(page, "Tell everybody"), 200);
    const front = await window();
    await open(front, "/");
    assert.match(await front.locator("#status").innerText(), /the server stops in (90|89) minutes/);
    assert.equal(await press(page, "Call it off"), 200);
    await front.reload();
    assert.doesNotMatch(await front.locator("#status").innerText(), /the server stops/);
  });

  walk("keeps account of what was done, and shows the settings", async (with_) => {
    const { page } = with_;
    const account = await find(with_);
    await press(page, "Disable the account");
    await follow(page, "Audit", page.locator(".desk"));
    await sees(page, account.address);
    await follow(page, "Failed sign-ins", page.locator(".desk"));
    await follow(page, "Online", page.locator(".desk"));
    await follow(page, "Conversations", page.locator(".desk"));
    await follow(page, "Settings", page.locator(".desk"));
    await sees(page, "argon2");
  });
});
