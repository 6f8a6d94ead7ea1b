"use strict";
// Each figure's drawing gives way to a chart by uPlot of the numbers in it: values under the pointer, or by the arrow
// keys, curves that can be hidden, a stretch that can be enlarged; the drawing is what is saved as SVG.
(() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const stroke = (curve) => curve.stroke === "currentColor" ? colour("--ink") : curve.stroke;
  const swatch_of = (curve) => curve.scattered ? "dot" : curve.dashed ? "dashed" : "";
  const number = (value) => {
    if (value === null || value === undefined) return "";
    if (Number.isInteger(value) && Math.abs(value) >= 1e4) return value.toLocaleString("en");
    const short = Number(value.toPrecision(4));
    return Math.abs(short) >= 1e6 || (short !== 0 && Math.abs(short) < 1e-4) ? short.toExponential() : String(short);
  };

  /// 1, 2 and 5 times powers of ten; over many decades the powers alone, and within a part of one round numbers.
  function log_ticks(low, high) {
    const ticks = [], many = high / low > 3e3;
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; ++power)
      for (const times of many ? [1] : [1, 2, 5]) {
        const tick = Number(`${times}e${power}`);
        if (tick >= low && tick <= high) ticks.push(tick);
      }
    if (ticks.length > 2) return ticks;
    const rough = (high - low) / 4, decade = 10 ** Math.floor(Math.log10(rough));
    const step = decade * ([1, 2, 5].find((times) => times * decade >= rough) ?? 10), round = [];
    for (let i = Math.ceil(low / step); i * step <= high; ++i) round.push(i * step);
    return round;
  }

  /// All x, rising, and each curve's y at them: null where it has none.
  function joined(chart) {
    const drawn = (curve, i) => (!chart.logX || curve.x[i] > 0) && (!chart.logY || curve.y[i] > 0);
    const xs = new Set();
    for (const curve of chart.curves) curve.x.forEach((x, i) => drawn(curve, i) && xs.add(x));
    const all = [...xs].sort((a, b) => a - b), place = new Map(all.map((x, i) => [x, i]));
    return [all, ...chart.curves.map((curve) => {
      const ys = new Array(all.length).fill(null);
      curve.x.forEach((x, i) => { if (drawn(curve, i)) ys[place.get(x)] = curve.y[i]; });
      return ys;
    })];
  }

  function show(figure) {
    const chart = JSON.parse(figure.querySelector("script").textContent);
    const still = figure.querySelector(".still"), data = joined(chart);
    const x_text = (x) => {
      if (!chart.labels) return number(x);
      return chart.labels.texts[x - chart.labels.from] ?? "";
    };
    const live = document.createElement("div"), plot = document.createElement("div");
    live.className = "live";
    plot.className = "plot";
    plot.tabIndex = 0;
    plot.setAttribute("role", "group");
    plot.setAttribute("aria-roledescription", "chart");
    plot.setAttribute("aria-label", `${chart.title}. The left and right arrow keys read the values.`);
    const title = Object.assign(document.createElement("p"), {className: "title", textContent: chart.title});
    const tip = Object.assign(document.createElement("div"), {className: "tip"});
    const reading = Object.assign(document.createElement("p"), {className: "reading"});
    reading.setAttribute("aria-live", "polite");
    live.append(title, plot, reading);
    still.before(live);
    still.hidden = true;

    /// The curves' values near the cursor: points of different curves need not share their x.
    const near = (u, at) => {
      const reach = (u.scales.x.max - u.scales.x.min) * 0.015, found = [];
      chart.curves.forEach((curve, c) => {
        if (!u.series[c + 1].show) return;
        let best = -1;
        for (const way of [-1, 1])
          for (let i = at; i >= 0 && i < data[0].length && Math.abs(data[0][i] - data[0][at]) <= reach; i += way)
            if (data[c + 1][i] !== null) {
              if (best < 0 || Math.abs(data[0][i] - data[0][at]) < Math.abs(data[0][best] - data[0][at])) best = i;
              break;
            }
        if (best >= 0) found.push([curve, data[c + 1][best]]);
      });
      return found.sort((a, b) => b[1] - a[1]);
    };
    function point(u) {
      const at = u.cursor.idx;
      if (at === null || at === undefined || u.cursor.left < 0) {
        tip.style.display = "none";
        return;
      }
      const head = chart.labels ? x_text(data[0][at]) : `${chart.x}: ${x_text(data[0][at])}`;
      tip.textContent = head;
      const values = near(u, at);
      for (const [curve, y] of values) {
        const row = document.createElement("div"), mark = document.createElement("i");
        mark.style.borderColor = stroke(curve);
        mark.className = swatch_of(curve);
        row.append(mark, curve.name || chart.y, Object.assign(document.createElement("b"), {textContent: number(y)}));
        tip.append(row);
      }
      tip.style.display = "block";
      const left = u.valToPos(data[0][at], "x"), wide = u.over.clientWidth, own = tip.offsetWidth;
      tip.style.left = `${Math.max(0, Math.min(wide - own, left > wide / 2 ? left - own - 12 : left + 12))}px`;
      tip.style.top = `${Math.max(0, Math.min(u.over.clientHeight - tip.offsetHeight, u.cursor.top - 20))}px`;
      if (document.activeElement === plot)
        reading.textContent = [head, ...values.map(([curve, y]) => `${curve.name || chart.y} ${number(y)}`)].join(", ");
    }
    function mark(u) {
      if (!chart.mark || chart.mark.x < u.scales.x.min || chart.mark.x > u.scales.x.max) return;
      const {ctx, bbox} = u, x = u.valToPos(chart.mark.x, "x", true), right = x > bbox.left + 0.7 * bbox.width;
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = colour("--soft");
      ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.font = `${12 * devicePixelRatio}px system-ui,sans-serif`;
      ctx.textAlign = right ? "right" : "left";
      ctx.fillText(chart.mark.name, x + (right ? -6 : 6) * devicePixelRatio, bbox.top + 12 * devicePixelRatio);
      ctx.restore();
    }

    const axis = {
      stroke: () => colour("--ink"), font: "12px system-ui,sans-serif", labelFont: "12px system-ui,sans-serif",
      grid: {stroke: () => colour("--line"), width: 1}, ticks: {stroke: () => colour("--line"), width: 1, size: 5},
    };
    const scale = (log, around) => log ? {distr: 3, range: (_, low, high) => [low / around, high * around]} : {};
    const splits = (log) => log ? {splits: (_, __, low, high) => log_ticks(low, high), filter: (_, at) => at} : {};
    const width = () => plot.clientWidth, height = () => width() < 480 ? 230 : 290;
    // Of steps there are no halves.
    const whole = data[0].every(Number.isInteger) ? {incrs: [...Array(10).keys()].flatMap((power) => [1, 2, 5].map((times) => times * 10 ** power))} : {};
    const shown_as = (values) => values.map((value) => number(value));
    const u = new uPlot({
      width: width(), height: height(), legend: {show: false},
      cursor: {drag: {x: true, y: false}, points: {size: 8}},
      scales: {x: {time: false, ...scale(chart.logX, 1.02)}, y: scale(chart.logY, 1.1)},
      axes: [
        {...axis, ...splits(chart.logX), ...whole, label: chart.x, labelSize: 20, size: 34, space: chart.labels ? 110 : 60,
         values: chart.labels ? (_, at) => at.map((x) => x_text(x)) : (_, at) => shown_as(at)},
        {...axis, ...splits(chart.logY), values: (_, at) => shown_as(at),
         size: (_, texts) => 18 + 7 * Math.max(3, ...(texts ?? []).map((text) => (text ?? "").length))},
      ],
      series: [{}, ...chart.curves.map((curve) => ({
        label: curve.name, stroke: () => stroke(curve), width: 2, spanGaps: true, dash: curve.dashed ? [7, 4] : undefined,
        paths: curve.scattered ? () => null : undefined,
        points: {show: curve.scattered || chart.points || curve.x.length === 1, size: curve.scattered ? 5 : 7,
                 fill: () => stroke(curve)},
      }))],
      hooks: {setCursor: [point], draw: [mark]},
    }, data, plot);
    u.over.append(tip);

    if (chart.curves.length > 1) {
      const legend = document.createElement("ul");
      legend.className = "legend";
      chart.curves.forEach((curve, c) => {
        const entry = document.createElement("li"), swatch = document.createElement("i");
        const button = page.button("", `${curve.name}: show or hide`, () => {
          u.setSeries(c + 1, {show: !u.series[c + 1].show});
          button.setAttribute("aria-pressed", u.series[c + 1].show);
        });
        swatch.style.borderColor = curve.stroke;
        swatch.className = swatch_of(curve);
        button.setAttribute("aria-pressed", "true");
        button.append(swatch, curve.name);
        entry.append(button);
        legend.append(entry);
      });
      live.append(legend);
    }

    let at = -1;
    plot.addEventListener("keydown", (event) => {
      const to = {ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: data[0].length - 1}[event.key];
      if (event.key === "Escape") u.setCursor({left: -10, top: -10});
      if (to === undefined) return;
      event.preventDefault();
      at = Math.max(0, Math.min(data[0].length - 1, to));
      u.setCursor({left: u.valToPos(data[0][at], "x"), top: 20});
    });
    plot.addEventListener("blur", () => u.setCursor({left: -10, top: -10}));
    new ResizeObserver(() => { if (width() > 0 && width() !== u.width) u.setSize({width: width(), height: height()}); }).observe(plot);
    matchMedia("(prefers-color-scheme:dark)").addEventListener("change", () => u.redraw(false, true));

    const table = () => [["curve", chart.x, chart.y], ...chart.curves.flatMap((curve) =>
      curve.x.map((x, i) => [curve.name, chart.labels ? x_text(x) : x, curve.y[i]]))];
    const numbers = document.createElement("div");
    const listing = page.button("Numbers", `Show the numbers of "${chart.title}"`, () => {
      const open = listing.getAttribute("aria-expanded") === "true";
      listing.setAttribute("aria-expanded", String(!open));
      numbers.replaceChildren();
      if (open) return;
      const region = document.createElement("div"), list = document.createElement("table");
      region.className = "numbers";
      region.tabIndex = 0;
      region.setAttribute("role", "region");
      region.setAttribute("aria-label", `Numbers of ${chart.title}`);
      table().forEach((cells, i) => {
        const row = (i ? list.tBodies[0] ?? list.createTBody() : list.createTHead()).insertRow();
        for (const value of cells) {
          const cell = document.createElement(i ? "td" : "th");
          if (!i) cell.scope = "col";
          cell.textContent = value;
          row.append(cell);
        }
      });
      region.append(list);
      numbers.append(region);
    });
    listing.setAttribute("aria-expanded", "false");
    figure.append(page.tools(
      listing,
      page.button("CSV", `Save the numbers of "${chart.title}" as CSV`, () =>
        page.save(page.file_name(chart.title, ".csv"), "text/csv", page.csv(table()))),
      page.button("SVG", `Save the chart "${chart.title}" as SVG`, () =>
        page.save(page.file_name(chart.title, ".svg"), "image/svg+xml",
                  new XMLSerializer().serializeToString(still.querySelector("svg"))))), numbers);
  }
  for (const figure of document.querySelectorAll("figure.chart")) show(figure);
})();
