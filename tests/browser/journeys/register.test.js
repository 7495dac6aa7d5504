// Making an account, with every mistake that can be made on the way.

import assert from "node:assert/strict";

import { fill, follow, open, path, press, register, sees } from "../support/browser.js";
import { journey } from "../support/journey.js";

const PASSWORD = "correct horse";

journey("making an account", {}, (walk) => {
  walk("from the front page", async ({ page, word }) => {
    await open(page, "/");
    assert.equal(await follow(page, "Make an account", page.locator(".hero")), 200);
    const address = `${word}@example.com`;
    await fill(page, {
      Address: address,
      Name: "Ann <b>Example</b>",
      Password: PASSWORD,
      "Password again": PASSWORD,
    });
    assert.equal(await press(page, "Make the account"), 200);
    assert.equal(path(page), "/account");
    await sees(page, "Your account is there.");
    await sees(page, "Ann <b>Example</b>");
    await open(page, "/");
    assert.ok(await page.getByRole("link", { name: address }).isVisible());
  });

  walk("each mistake is named, and what was typed stays", async ({ page, word }) => {
    const address = `${word}@example.com`;
    await open(page, "/register");
    assert.equal(await press(page, "Make the account"), 422);
    const typed = { Address: "nobody", Name: "Ann", Password: PASSWORD };
    await fill(page, { ...typed, "Password again": "another horse" });
    assert.equal(await press(page, "Make the account"), 422);
    await sees(page, "The two passwords are not the same.");
    assert.equal(await page.getByLabel("Address", { exact: true }).inputValue(), "nobody");
    assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "Ann");
    assert.equal(await page.getByLabel("Password", { exact: true }).inputValue(), "");
    await fill(page, { ...typed, Address: address, Password: "abc", "Password again": "abc" });
    assert.equal(await press(page, "Make the account"), 422);
    assert.equal(await page.locator(".wrong").count(), 1);
    assert.equal(await register(page, { address, password: PASSWORD }), 200);
    assert.equal(path(page), "/account");
  });

  walk("an address is taken only once", async ({ page, window, word }) => {
    const address = `${word}@example.com`;
    await register(page, { address, password: PASSWORD });
    const other = await window();
    assert.equal(await register(other, { address, password: PASSWORD }), 422);
    assert.equal(await other.locator(".wrong").count(), 1);
  });
});

const CLOSED = { settings: { REGISTRATION__MODE: "closed" } };

journey("a server that makes its accounts itself", CLOSED, (walk) => {
  walk("says so and offers no form", async ({ page }) => {
    await open(page, "/");
    await sees(page, "The people who run this server make the accounts.");
    assert.equal(await page.getByRole("link", { name: "Make an account" }).count(), 0);
    await open(page, "/register");
    assert.equal(await page.locator("form").count(), 0);
  });
});

const INVITED = { settings: { REGISTRATION__MODE: "invitation" } };

journey("a server for the invited", INVITED, (walk) => {
  walk("asks for a code and refuses a wrong one", async ({ page, word }) => {
    await open(page, "/register");
    await fill(page, {
      "Invitation code": "made-up",
      Address: `${word}@example.com`,
      Password: PASSWORD,
      "Password again": PASSWORD,
    });
    assert.equal(await press(page, "Make the account"), 422);
    assert.equal(await page.locator(".wrong").count(), 1);
    assert.equal(await page.getByLabel("Invitation code").inputValue(), "made-up");
  });
});
