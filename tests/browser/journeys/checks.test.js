// The checks themselves: that each finds what it is there for.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { startBrowser } from "../support/browser.js";
import { contrast, focus, plain, structure } from "../support/checks.js";

const frame = (body, head = "<title>Page - Site</title>") =>
  `<!DOCTYPE html><html lang="en"><head>${head}</head><body><div role="banner"></div>
   <div role="navigation"></div><div role="main"><h1>Page</h1>${body}</div>
   <div role="contentinfo"></div></body></html>`;

const FORM = '<form method="post" action="/x"><input type="hidden" name="word" value="w">';
const SEND = '<button type="submit">Send</button></form>';

describe("the checks", () => {
  let browser;
  let page;
  before(async () => {
    browser = await startBrowser();
    page = await browser.newPage({ viewport: { width: 390, height: 844 } });
  });
  after(() => browser?.close());

  const finds = (check, wanted, html) =>
    it(`${check.name} says ${wanted ?? "nothing of a good page"}`, async () => {
      await page.setContent(html);
      const problems = await check(page, html);
      if (wanted) {
        assert.match(problems.join("\n"), wanted);
      } else {
        assert.deepEqual(problems, []);
      }
    });

  const good = frame(`<p><a href="/">Home</a></p>${FORM}
    <label for="a">A</label> <input type="text" id="a" name="a">${SEND}`);
  for (const check of [structure, plain, contrast, focus]) {
    finds(check, undefined, good);
  }
  finds(structure, /title is "Page"/, frame("", "<title>Page</title>"));
  finds(structure, /without a label/, frame('<input type="text" name="a">'));
  finds(structure, /used twice/, frame('<p id="a"></p><p id="a"></p>'));
  finds(structure, /skips a level/, frame("<h3>Deep</h3>"));
  finds(structure, /not exactly one first heading/, frame("<h1>Second</h1>"));
  finds(structure, /nothing says where this leads/, frame('<a href="/"></a>'));
  finds(structure, /picture without a text/, frame('<img src="data:,">'));
  finds(structure, /table without headings/, frame("<table><tr><td>1</td></tr></table>"));
  finds(structure, /pointed at/, frame('<label for="b">B</label>'));
  finds(structure, /wider than the window/, frame('<div style="width: 600px">wide</div>'));

  finds(plain, /without a method/, frame(`<form action="/x">${SEND}`));
  finds(plain, /does not say where/, frame(`<form method="get">${SEND}`));
  finds(plain, /wrong kind/, frame(`${FORM}<input type="file" name="f">${SEND}`));
  finds(plain, /anybody could have made/, frame(`<form method="post" action="/x">${SEND}`));
  finds(plain, /cannot be sent/, frame(`${FORM}</form>`));
  finds(plain, /button with a name/, frame(`${FORM}<button type="submit" name="a">A</button></form>`));
  finds(plain, /button of no kind/, frame(`${FORM}<button>A</button>${SEND}`));
  finds(plain, /outside its form/, frame('<input type="text" name="a">'));
  finds(plain, /kind that old browsers do not know/, frame(`${FORM}<input type="date" name="a">${SEND}`));
  finds(plain, /policy forbids/, frame("<details><summary>More</summary></details>"));
  finds(plain, /drawing that only new/, frame('<svg role="img" aria-label="x"></svg>'));
  finds(plain, /script in an attribute/, frame('<p onclick="x()">x</p>'));
  finds(plain, /script in a link/, frame('<a href="javascript:x()">x</a>'));
  finds(plain, /inside the page/, frame("<script>x()</script>"));

  finds(contrast, /"faint" in .* contrast of 1\.\d\d/, frame('<p style="color: #ddd">faint</p>'));
  const gradient = "background: linear-gradient(90deg, black, white)";
  finds(contrast, /"over a gradient"/, frame(`<p style="${gradient}">over a gradient</p>`));
  finds(focus, /focus is not visible/, frame('<a href="/" style="outline: none">x</a>'));
});
