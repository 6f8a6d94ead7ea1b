// Opens a report page in headless Chromium: no console message, no request leaves the page, every chart is drawn, the
// table sorts, nothing is wider than a phone, and axe-core finds nothing serious. In both themes; leaves screenshots.
// node page.mjs REPORT.html SCREENSHOTS
import {existsSync, mkdirSync, readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {resolve} from "node:path";

const require = createRequire(process.env.SEQTAPE_BROWSER_MODULES + "/package.json");
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [report, shots] = [resolve(process.argv[2]), resolve(process.argv[3])];
mkdirSync(shots, {recursive: true});
const executablePath = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find(existsSync);
if (!executablePath) throw new Error("there is no Chromium; scripts/setup.sh --browser installs it");

const problems = [];
const browser = await puppeteer.launch({executablePath, args: ["--no-sandbox", "--disable-gpu"]});
for (const theme of ["light", "dark"])
  for (const [device, width] of [["desk", 1280], ["phone", 390]]) {
    const where = `${theme}, ${device}`;
    const page = await browser.newPage();
    page.on("console", (message) => problems.push(`${where}: console: ${message.text()}`));
    page.on("pageerror", (error) => problems.push(`${where}: ${error.message}`));
    page.on("request", (request) => {
      if (!request.url().startsWith("file://") && !request.url().startsWith("data:")) problems.push(`${where}: asks for ${request.url()}`);
    });
    await page.emulateMediaFeatures([{name: "prefers-color-scheme", value: theme}]);
    await page.setViewport({width, height: 900, deviceScaleFactor: 1});
    await page.goto("file://" + report);
    const seen = await page.evaluate(() => ({
      charts: [...document.querySelectorAll("svg")].map((svg) => ({
        title: svg.querySelector("title")?.textContent ?? "",
        lines: [...svg.querySelectorAll("polyline")].map((line) => line.getBoundingClientRect().width * line.points.length),
        height: svg.getBoundingClientRect().height,
      })),
      overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      rows: document.querySelectorAll("tbody tr").length,
      verdict: document.querySelector(".verdict")?.textContent ?? "",
    }));
    if (seen.charts.length < 3) problems.push(`${where}: ${seen.charts.length} charts`);
    for (const chart of seen.charts)
      if (!chart.title || chart.height < 50 || chart.lines.length < 1 || chart.lines.some((size) => size === 0))
        problems.push(`${where}: the chart "${chart.title}" is not drawn`);
    if (seen.overflow > 0) problems.push(`${where}: wider than the screen by ${seen.overflow} pixels`);
    if (seen.rows < 2) problems.push(`${where}: the table has ${seen.rows} rows`);
    const sorts = await page.$("table.sorts th:nth-child(5) button");
    if (sorts) {
      const order = async () => page.$$eval("table.sorts tbody tr", (rows) => rows.map((row) => +row.cells[4].dataset.sort));
      await sorts.evaluate((button) => button.click());
      const up = await order();
      await sorts.evaluate((button) => button.click());
      const down = await order();
      if (String(up) !== String([...up].sort((a, b) => a - b)) || String(down) !== String([...up].reverse()))
        problems.push(`${where}: the table does not sort: ${up}, ${down}`);
    }
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run());
    for (const violation of found.violations)
      if (["serious", "critical"].includes(violation.impact))
        problems.push(`${where}: axe: ${violation.id}: ${violation.help}: ${violation.nodes[0].html}`);
    await page.screenshot({path: `${shots}/${theme}-${device}.png`, fullPage: true});
    if (theme === "light" && device === "desk") console.log(`${seen.charts.length} charts, ${seen.rows} rows, verdict "${seen.verdict}"`);
    await page.close();
  }
await browser.close();
for (const problem of problems) console.error(problem);
process.exit(problems.length ? 1 : 0);
