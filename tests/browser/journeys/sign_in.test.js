// Signing in and out, and what stands in the way of others.

import assert from "node:assert/strict";

import { fill, open, path, press, sees, signIn } from "../support/browser.js";
import { journey } from "../support/journey.js";

const ANN = { address: "ann@example.com", password: "correct horse" };
const prepare = (server) => server.account(ANN.address, ANN.password, "--name", "Ann");

journey("signing in", { prepare }, (walk) => {
  walk("and out again", async ({ page }) => {
    await signIn(page, ANN);
    assert.equal(path(page), "/account");
    await sees(page, ANN.address);
    assert.equal(await press(page, "Sign out"), 200);
    assert.equal(path(page), "/");
    await open(page, "/account");
    assert.equal(path(page), "/sign-in");
  });

  walk("leads to the page one was on the way to", async ({ page }) => {
    assert.equal(await open(page, "/account"), 200);
    assert.equal(path(page), "/sign-in");
    await fill(page, { Address: ANN.address, Password: ANN.password });
    await press(page, "Sign in", page.getByRole("main"));
    assert.equal(path(page), "/account");
  });

  walk("with a wrong password says no more than that", async ({ page, word }) => {
    const answers = [];
    for (const address of [ANN.address, `nobody-${word}@example.com`]) {
      await open(page, "/sign-in");
      await fill(page, { Address: address, Password: "wrong horse" });
      assert.equal(await press(page, "Sign in", page.getByRole("main")), 403);
      answers.push(await page.getByRole("alert").innerText());
      assert.equal(await page.getByLabel("Address", { exact: true }).inputValue(), address);
    }
    assert.equal(answers[0], answers[1]);
  });

  walk("a form from before the sign-out is refused with a way back", async ({ page }) => {
    await signIn(page, ANN);
    await page.context().clearCookies();
    assert.equal(await press(page, "Sign out"), 403);
    await sees(page, "load the page again");
  });
});
