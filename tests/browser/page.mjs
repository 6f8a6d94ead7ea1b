// Opens pages in headless Chromium at three widths, light and dark: no console message, no request leaves the page,
// every chart is drawn, nothing is wider than the screen, axe-core finds nothing serious. Once a page: values appear under
// the pointer and by the arrow keys, curves hide, tables sort, what is saved is whole; and without scripts the charts are
// drawn too. Leaves screenshots.
// node page.mjs SCREENSHOTS PAGE.html=LEAST_CHARTS...
import {existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync} from "node:fs";
import {createRequire} from "node:module";
import {tmpdir} from "node:os";
import {join, resolve} from "node:path";

const require = createRequire(process.env.SEQTAPE_BROWSER_MODULES + "/package.json");
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const shots = resolve(process.argv[2]);
mkdirSync(shots, {recursive: true});
const executablePath = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find(existsSync);
if (!executablePath) throw new Error("there is no Chromium; scripts/setup.sh --browser installs it");

const problems = [];
const until = async (ready, what) => {
  for (let tries = 0; tries < 50; ++tries) {
    const value = await ready();
    if (value) return value;
    await new Promise((done) => setTimeout(done, 100));
  }
  problems.push(`${what} does not come`);
};

async function open(browser, file, where, theme, width, scripts = true) {
  const page = await browser.newPage();
  page.on("console", (message) => problems.push(`${where}: console: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`${where}: ${error.message}`));
  page.on("request", (request) => {
    if (!/^(file|data|blob):/.test(request.url())) problems.push(`${where}: asks for ${request.url()}`);
  });
  await page.setJavaScriptEnabled(scripts);
  await page.emulateMediaFeatures([{name: "prefers-color-scheme", value: theme}]);
  await page.setViewport({width, height: 900, deviceScaleFactor: 1});
  await page.goto("file://" + file);
  return page;
}

/// What the page shows: charts with their drawing and the share of their canvas that is painted.
const seen_on = (page) => page.evaluate(() => ({
  charts: [...document.querySelectorAll("figure.chart")].map((figure) => {
    const canvas = figure.querySelector("canvas"), svg = figure.querySelector(".still svg");
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let painted = 0;
    for (let i = 3; i < pixels.length; i += 4) painted += pixels[i] > 0;
    return {
      title: svg.querySelector("title").textContent,
      lines: [...svg.querySelectorAll("polyline, circle")].length,
      painted: painted / (pixels.length / 4),
      width: canvas.getBoundingClientRect().width,
      hidden: !svg.checkVisibility(),
    };
  }),
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  rows: document.querySelectorAll("tbody tr").length,
  foreign: document.querySelectorAll("main [onerror], main b.injected").length,
}));

async function look(browser, file, name, least) {
  for (const theme of ["light", "dark"])
    for (const width of [390, 768, 1280]) {
      const where = `${name}, ${theme}, ${width}`, page = await open(browser, file, where, theme, width);
      const seen = await seen_on(page);
      if (seen.charts.length < least) problems.push(`${where}: ${seen.charts.length} charts`);
      for (const chart of seen.charts)
        if (!chart.title || chart.lines < 1 || chart.painted < 0.01 || chart.width < 250 || !chart.hidden)
          problems.push(`${where}: the chart "${chart.title}" is not drawn: ${JSON.stringify(chart)}`);
      if (seen.overflow > 0) problems.push(`${where}: wider than the screen by ${seen.overflow} pixels`);
      if (seen.rows < 2 && name !== "begun") problems.push(`${where}: the tables have ${seen.rows} rows`);
      if (seen.foreign) problems.push(`${where}: a name became a part of the page`);
      await page.evaluate(axe);
      const found = await page.evaluate(() => axe.run());
      for (const violation of found.violations)
        if (["serious", "critical"].includes(violation.impact))
          problems.push(`${where}: axe: ${violation.id}: ${violation.help}: ${violation.nodes[0].html}`);
      await page.screenshot({path: `${shots}/${name}-${theme}-${width}.png`, fullPage: true});
      if (theme === "light" && width === 1280) console.log(`${name}: ${seen.charts.length} charts, ${seen.rows} rows`);
      await page.close();
    }
}

async function use(browser, file, name) {
  const page = await open(browser, file, name, "light", 1280), figure = await page.$("figure.chart");
  const text = (selector) => figure.$eval(selector, (element) => element.textContent);
  const plot = await figure.$(".plot");
  await plot.evaluate((element) => element.scrollIntoView({block: "center"}));
  const box = await plot.boundingBox();
  await page.mouse.move(box.x + box.width * 0.6, box.y + box.height * 0.4);
  const shown = () => figure.$eval(".tip", (tip) => tip.style.display === "block" && /\d/.test(tip.textContent));
  await until(shown, `${name}: a value under the pointer`);
  await page.mouse.move(0, 0);
  await plot.focus();
  for (const key of ["ArrowRight", "ArrowRight", "End"]) await page.keyboard.press(key);
  await until(async () => /\d/.test(await text(".reading")), `${name}: a value by the arrow keys`);
  const hide = await figure.$(".legend button");
  if (hide) {
    await hide.click();
    if (await hide.evaluate((button) => button.getAttribute("aria-pressed")) !== "false")
      problems.push(`${name}: a curve cannot be hidden`);
  }
  const numbers = await figure.$(".tools button");
  await numbers.click();
  if ((await figure.$$(".numbers td")).length < 3) problems.push(`${name}: no table of a chart's numbers`);

  const folder = mkdtempSync(join(tmpdir(), "seqtape-page-"));
  const session = await browser.target().createCDPSession();
  await session.send("Browser.setDownloadBehavior", {behavior: "allow", downloadPath: folder});
  const saved = async (button, ending, right) => {
    const before = readdirSync(folder);
    await button.evaluate((element) => element.click());
    const file = await until(() => readdirSync(folder).find((one) => one.endsWith(ending) && !before.includes(one)),
                             `${name}: a file ${ending}`);
    const content = file ? readFileSync(join(folder, file), "utf8") : "";
    if (!right(content)) problems.push(`${name}: ${file} is not what was to be saved: ${content.slice(0, 200)}`);
  };
  const [, csv, svg] = await figure.$$(".tools button");
  await saved(csv, ".csv", (content) => /^curve,.*\n.*\d/.test(content));
  await saved(svg, ".svg", (content) => content.startsWith("<svg xmlns=") && content.trim().endsWith("</svg>"));
  const table = await page.$("div.table");
  if (table) {
    const rows = await table.$$eval("tr", (all) => all.length);
    await saved(await table.$(".tools button"), ".csv", (content) => content.trim().split("\n").length === rows);
  }
  for (const sorts of await page.$$("table.sorts")) {
    const column = async () => sorts.$$eval("tbody tr", (rows) => rows.map((row) => row.cells[1].dataset.sort));
    const button = await sorts.$("th:nth-child(2) button");
    const numeric = (all) => all.filter((one) => one !== "" && !isNaN(one)).map(Number);
    await button.evaluate((element) => element.click());
    const up = numeric(await column());
    await button.evaluate((element) => element.click());
    const down = numeric(await column());
    if (String(up) !== String([...up].sort((a, b) => a - b)) || String(down) !== String([...up].reverse()))
      problems.push(`${name}: a table does not sort: ${up}; ${down}`);
  }
  await page.close();

  const bare = await open(browser, file, `${name}, without scripts`, "light", 390, false);
  const still = await bare.$$eval(".still svg", (all) => all.map((one) => one.getBoundingClientRect().height));
  if (still.length === 0 || still.some((height) => height < 50)) problems.push(`${name}: without scripts a chart is not drawn`);
  await bare.close();
}

const browser = await puppeteer.launch({executablePath, args: ["--no-sandbox", "--disable-gpu"]});
for (const argument of process.argv.slice(3)) {
  const [given, least] = argument.split("="), file = resolve(given);
  const name = file.replace(/^.*\/([^/]+)\/report\.html$/, "$1").replace(/^.*\/|\.html$/g, "");
  await look(browser, file, name, +least);
  await use(browser, file, name);
}
await browser.close();
for (const problem of problems) console.error(problem);
process.exit(problems.length ? 1 : 0);
