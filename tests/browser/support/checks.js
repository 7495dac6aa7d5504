// What has to hold for every page, found by script: that everybody can use it, whatever they see
// with, and that Internet Explorer 6 can.

/** Contrast that text needs (WCAG 2.1, 1.4.3), and large text. */
const CONTRAST = 4.5;
const CONTRAST_OF_LARGE = 3;

/** Language, title, headings, names of everything that can be used, and the width. */
export function structure(page) {
  return page.evaluate(() => {
    const problems = [];
    const text = (node) => (node?.textContent ?? "").replace(/\s+/g, " ").trim();
    const shown = (node) => node.getClientRects().length > 0;
    const say = (node) => node.outerHTML.slice(0, 120);
    const all = (selector) => [...document.querySelectorAll(selector)];

    if (document.documentElement.lang !== "en") {
      problems.push("the page does not say its language");
    }
    if (!/\S+ - \S+/.test(document.title)) {
      problems.push(`the title is ${JSON.stringify(document.title)}`);
    }
    const ids = all("[id]").map((node) => node.id);
    for (const id of new Set(ids.filter((id, index) => ids.indexOf(id) !== index))) {
      problems.push(`the id ${id} is used twice`);
    }

    const levels = all("h1, h2, h3, h4, h5, h6");
    if (levels.filter((node) => node.tagName === "H1").length !== 1) {
      problems.push("there is not exactly one first heading");
    }
    let last = 0;
    for (const heading of levels) {
      const level = Number(heading.tagName[1]);
      if (level > last + 1) {
        problems.push(`a heading skips a level: ${say(heading)}`);
      }
      if (text(heading) === "") {
        problems.push(`a heading says nothing: ${say(heading)}`);
      }
      last = level;
    }
    for (const role of ["banner", "navigation", "main", "contentinfo"]) {
      const count = all(`[role="${role}"]`).length;
      if (role === "navigation" ? count < 1 : count !== 1) {
        problems.push(`there are ${count} parts of the kind ${role}`);
      }
    }

    const named = (node) =>
      node.getAttribute("aria-label") ||
      (node.getAttribute("aria-labelledby") ?? "")
        .split(/\s+/)
        .map((id) => text(document.getElementById(id)))
        .join(" ")
        .trim();
    for (const control of all("input, select, textarea")) {
      if (["hidden", "submit", "button", "image"].includes(control.type)) {
        continue;
      }
      const label = [...(control.labels ?? [])].map(text).join(" ").trim() || named(control);
      if (!label) {
        problems.push(`a field without a label: ${say(control)}`);
      }
    }
    for (const node of all("a[href], button, input[type=submit]")) {
      const name = text(node) || node.value || named(node) || node.querySelector("img")?.alt;
      if (!name) {
        problems.push(`nothing says where this leads: ${say(node)}`);
      }
    }
    for (const image of all("img")) {
      if (!image.hasAttribute("alt")) {
        problems.push(`a picture without a text: ${say(image)}`);
      }
      if (!image.complete || image.naturalWidth === 0) {
        problems.push(`a picture that does not show: ${say(image)}`);
      }
    }
    for (const table of all("table")) {
      if (!table.querySelector("th")) {
        problems.push(`a table without headings: ${say(table)}`);
      }
    }
    for (const node of all("[aria-describedby], [aria-labelledby], label[for]")) {
      const wanted = ["aria-describedby", "aria-labelledby", "for"];
      for (const id of wanted.flatMap((name) => node.getAttribute(name)?.split(/\s+/) ?? [])) {
        if (!document.getElementById(id)) {
          problems.push(`${id} is not there, but is pointed at by ${say(node)}`);
        }
      }
    }

    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) {
      const wide = all("body *").filter(
        (node) => shown(node) && node.getBoundingClientRect().right > width + 1,
      );
      const names = wide.slice(0, 3).map(say).join("\n");
      problems.push(`the page is wider than the window of ${width}:\n${names}`);
    }
    return problems;
  });
}

/** What Internet Explorer 6 needs, read from the page as it was sent, before any script ran. */
export function plain(page, html) {
  return page.evaluate((source) => {
    const problems = [];
    const sent = new DOMParser().parseFromString(source, "text/html");
    const say = (node) => node.outerHTML.slice(0, 120);
    const all = (selector, within = sent) => [...within.querySelectorAll(selector)];

    for (const form of all("form")) {
      if (!["get", "post"].includes(form.getAttribute("method"))) {
        problems.push(`a form without a method: ${say(form)}`);
      }
      if (!(form.getAttribute("action") ?? "").startsWith("/")) {
        problems.push(`a form that does not say where it goes: ${say(form)}`);
      }
      const sends = form.getAttribute("enctype");
      const wanted = form.querySelector("input[type=file]") ? "multipart/form-data" : null;
      if (sends !== wanted) {
        problems.push(`a form of the wrong kind ${sends}: ${say(form)}`);
      }
      if (form.getAttribute("method") === "post" && !form.querySelector("input[name=word]")) {
        problems.push(`a form that anybody could have made: ${say(form)}`);
      }
      if (!form.querySelector("button[type=submit], input[type=submit]")) {
        problems.push(`a form that cannot be sent without a script: ${say(form)}`);
      }
      // IE 6 sends every named button of a form, and the text of it, not its value.
      if (all("button[name]", form).length > 0) {
        problems.push(`a button with a name: ${say(form)}`);
      }
    }
    for (const button of all("button")) {
      // IE 6 takes a button without a type for one that does nothing.
      if (button.getAttribute("type") !== "submit") {
        problems.push(`a button of no kind: ${say(button)}`);
      }
    }
    for (const control of all("input, select, textarea, button")) {
      if (!control.closest("form") || control.hasAttribute("form")) {
        problems.push(`a field outside its form: ${say(control)}`);
      }
    }
    // Unknown kinds are fields of text to IE 6, which will do for these and no others.
    const kinds = ["text", "password", "hidden", "file", "checkbox", "radio", "submit", "number"];
    for (const input of all("input")) {
      if (!kinds.includes(input.getAttribute("type"))) {
        problems.push(`a field of a kind that old browsers do not know: ${say(input)}`);
      }
    }
    const young = "dialog, template, canvas, details, datalist, output, meter, progress, picture";
    for (const node of all(`${young}, [hidden], [formaction], [style], main, nav, header, footer`)) {
      problems.push(`old browsers do not know this, or the policy forbids it: ${say(node)}`);
    }
    // Old browsers leave drawings out, so something else has to say it.
    for (const drawing of all("svg")) {
      const isSaid = drawing.nextElementSibling?.textContent.trim();
      if (drawing.textContent.trim() || !drawing.getAttribute("aria-label") || !isSaid) {
        problems.push(`a drawing that only new browsers show: ${say(drawing)}`);
      }
    }
    for (const node of all("*")) {
      if ([...node.attributes].some(({ name }) => name.startsWith("on"))) {
        problems.push(`a script in an attribute: ${say(node)}`);
      }
      if (/^javascript:/i.test(node.getAttribute("href") ?? "")) {
        problems.push(`a script in a link: ${say(node)}`);
      }
    }
    for (const node of all("script:not([src]), style")) {
      problems.push(`a script or style inside the page: ${say(node)}`);
    }
    return problems;
  }, html);
}

/**
 * The contrast of all text with what is really behind it: a picture of the page without its text
 * is compared with the colours of the text, so gradients and pictures count as they look.
 */
export async function contrast(page) {
  const texts = await page.evaluate(() => {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      const words = node.data.replace(/\s+/g, " ").trim();
      if (words === "") {
        continue;
      }
      const range = document.createRange();
      range.selectNodeContents(node);
      const style = getComputedStyle(node.parentElement);
      const size = parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      let opacity = 1;
      for (let at = node.parentElement; at; at = at.parentElement) {
        opacity *= Number(getComputedStyle(at).opacity);
      }
      for (const box of range.getClientRects()) {
        const { left, top, width, height } = box;
        if (width > 1 && height > 1 && left + width > 0 && top + height + scrollY > 0) {
          const at = { left, top: top + scrollY, width, height };
          found.push({ words: words.slice(0, 40), color: style.color, opacity, isLarge, ...at });
        }
      }
    }
    // Fields show their text themselves.
    for (const field of document.querySelectorAll("input, select, textarea")) {
      const { left, top, width, height } = field.getBoundingClientRect();
      if (width > 8 && height > 8 && !["checkbox", "radio", "file"].includes(field.type)) {
        const at = { left: left + 4, top: top + scrollY + 4, width: width - 8, height: height - 8 };
        const { color } = getComputedStyle(field);
        found.push({ words: field.name, color, opacity: 1, isLarge: false, ...at });
      }
    }
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("*, *::before, *::placeholder { color: transparent !important; text-shadow: none !important; text-decoration-color: transparent !important; -webkit-text-fill-color: transparent !important; caret-color: transparent !important; }");
    document.adoptedStyleSheets = [sheet];
    return found;
  });
  const picture = await page.screenshot({ fullPage: true, animations: "disabled" });
  await page.evaluate(() => {
    document.adoptedStyleSheets = [];
  });
  // Decoded in a window of its own, where the policy of the page does not hold.
  const laboratory = await page.context().browser().newPage();
  try {
    return await laboratory.evaluate(measure, {
      url: `data:image/png;base64,${picture.toString("base64")}`,
      texts,
      least: CONTRAST,
      leastOfLarge: CONTRAST_OF_LARGE,
    });
  } finally {
    await laboratory.close();
  }
}

async function measure({ url, texts, least, leastOfLarge }) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.width;
  canvas.height = image.height;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(image, 0, 0);
  const ground = pen.getImageData(0, 0, canvas.width, canvas.height);
  const at = (x, y) => ground.data.subarray((y * ground.width + x) * 4, (y * ground.width + x) * 4 + 3);

  const one = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parse = (color) => {
    one.clearRect(0, 0, 1, 1);
    one.fillStyle = color;
    one.fillRect(0, 0, 1, 1);
    return one.getImageData(0, 0, 1, 1).data;
  };
  const linear = (part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);

  const problems = [];
  for (const { words, color, opacity, isLarge, left, top, width, height } of texts) {
    const ink = parse(color);
    const share = (ink[3] / 255) * opacity;
    const measured = [];
    for (let row = 1; row < 8; row += 1) {
      for (let column = 1; column < 24; column += 1) {
        const x = Math.round(left + (width * column) / 24);
        const y = Math.round(top + (height * row) / 8);
        if (x < 0 || y < 0 || x >= ground.width || y >= ground.height) {
          continue;
        }
        const behind = at(x, y);
        const seen = [0, 1, 2].map((i) => ink[i] * share + behind[i] * (1 - share));
        measured.push(ratio(light(seen), light(behind)));
      }
    }
    // A few dots may be an edge or a star; what counts is what most of the text stands on.
    measured.sort((a, b) => a - b);
    const worst = measured[Math.floor(measured.length * 0.03)];
    if (worst !== undefined && worst < (isLarge ? leastOfLarge : least)) {
      problems.push(`${JSON.stringify(words)} in ${color} has a contrast of ${worst.toFixed(2)}`);
    }
  }
  return [...new Set(problems)];
}

/** That whoever goes through the page with the keyboard reaches everything and sees where they are. */
export async function focus(page) {
  const count = await page.evaluate(() => {
    document.activeElement?.blur();
    window.getSelection()?.removeAllRanges();
    const nodes = [...document.querySelectorAll("a[href], button, input, select, textarea")];
    const reached = nodes.filter((node) => !node.disabled && node.type !== "hidden" && node.getClientRects().length > 0);
    // Of a row of radio buttons one is reached; the arrows lead to the others.
    const radios = new Set();
    return reached.filter((node) => {
      const isFirst = node.type !== "radio" || !radios.has(node.name);
      radios.add(node.type === "radio" ? node.name : undefined);
      return isFirst;
    }).length;
  });
  const problems = [];
  for (let step = 0; step < Math.min(count, 40); step += 1) {
    await page.keyboard.press("Tab");
    const problem = await page.evaluate(() => {
      const node = document.activeElement;
      if (!node || node === document.body) {
        return "the keyboard does not reach everything";
      }
      const style = getComputedStyle(node);
      const box = node.getBoundingClientRect();
      // "auto" is the browser's own way to show it.
      const { outlineStyle, outlineWidth } = style;
      const isDrawn = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
      const isSeen = isDrawn || outlineStyle === "auto";
      const isThere = box.width > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight;
      return isSeen && isThere ? null : `the focus is not visible: ${node.outerHTML.slice(0, 120)}`;
    });
    if (problem) {
      problems.push(problem);
    }
  }
  return [...new Set(problems)];
}
