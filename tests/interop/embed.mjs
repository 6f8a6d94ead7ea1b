// ONNX Runtime answers for raw input, by an export's signature.json; prints what embed_test.py compares.
//   node embed.mjs NODE_MODULES FOLDER STEPS.json      STEPS: a text, numbers, or rows of cells (of dates, the date first)
import {createRequire} from "node:module";
import {readFileSync} from "node:fs";
const [modules, folder, file] = process.argv.slice(2);
const ort = createRequire(modules + "/x.js")("onnxruntime-node");
const about = JSON.parse(readFileSync(folder + "/signature.json", "utf8"));
let steps = JSON.parse(readFileSync(file, "utf8"));

const missing = (rows, at, column, linear) => {  // as in training
  let before = at, after = at;
  while (before >= 0 && rows[before][column] === "") --before;
  while (after < rows.length && rows[after][column] === "") ++after;
  if (before < 0) return rows[after][column];
  if (after === rows.length || !linear) return rows[before][column];
  return +rows[before][column] + (at - before) / (after - before) * (rows[after][column] - rows[before][column]);
};
const turns = {
  hour_of_day: (d) => (d - Date.UTC(d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate())) / 864e5,
  day_of_week: (d) => (d.getUTCDay() + 6) % 7 / 7,
  day_of_month: (d) => (d.getUTCDate() - 1) / new Date(Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + 1, 0)).getUTCDate(),
  day_of_year: (d) => {
    const [begin, end] = [0, 1].map((n) => Date.UTC(d.getUTCFullYear() + n, 0, 1));
    return (Date.UTC(d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate()) - begin) / (end - begin);
  },
  month_of_year: (d) => d.getUTCMonth() / 12,
};
/// The features of a row of cells.
const features = (rows, at) => {
  const first = about.calendar ? 1 : 0, all = [];
  about.columns.forEach((column, c) => {
    let cell = rows[at][first + c];
    if (cell === "" && about.fill) cell = missing(rows, at, first + c, about.fill === "linear" && !column.categories);
    if (column.categories) return all.push(...column.categories.map((name) => +(name === cell)));
    all.push(cell === "" ? NaN : +cell);
    if (about.masks) all.push(+(cell !== ""));
  });
  for (const part of about.calendar ?? []) {
    const angle = 2 * Math.PI * turns[part](new Date(rows[at][0].replace(" ", "T") + "Z"));
    all.push(Math.sin(angle), Math.cos(angle));
  }
  return all;
};

const tokens = {
  bytes: () => [...Buffer.from(steps)],
  characters: () => [...steps].filter((c) => !about.skips_blanks || c.trim()).map((c) => about.characters[c] ?? about.other),
  ids: () => steps,
}[about.steps]?.();
if (!tokens && !Array.isArray(steps[0])) {
  if (about.unit_loudness) {
    const loud = Math.sqrt(steps.reduce((sum, x) => sum + x * x, 0) / steps.length);
    steps = steps.map((x) => x / loud);
  }
  steps = steps.map((x) => [x]);
} else if (!tokens) {
  steps = steps.map((_, at) => features(steps, at));
}
let all = tokens ?? steps;
if (about.reads === "first") all = all.slice(0, about.length);
if (about.reads === "last") all = all.slice(-about.length);
if (about.order) all = about.order.map((at) => all[at]);

const session = await ort.InferenceSession.create(folder + "/model.onnx");
const input = (part) => {
  if (tokens) return {tokens: new ort.Tensor("int64", BigInt64Array.from(part, BigInt), [1, part.length])};
  const type = session.inputMetadata[0].type, flat = part.flat();
  const array = type === "float64" ? Float64Array.from(flat) : Float32Array.from(flat);
  return {values: new ort.Tensor(type, array, [1, part.length, part[0].length])};
};
if (about.objective === "next_token") {
  let bits = 0;
  for (let begin = 0; begin + 1 < all.length; begin += about.length) {
    const part = all.slice(begin, Math.min(begin + about.length, all.length - 1));
    const {logits} = await session.run(input(part));
    part.forEach((_, t) => {
      const row = Array.from(logits.data.slice(t * about.outputs, (t + 1) * about.outputs)), most = Math.max(...row);
      bits += (Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0)) + most - row[all[begin + t + 1]]) / Math.LN2;
    });
  }
  console.log(JSON.stringify({bits: bits / (all.length - 1)}));
} else if (about.objective === "labels" || (about.objective === "numbers" && about.reads !== "last")) {
  const {probabilities, numbers} = await session.run(input(all)), row = (probabilities ?? numbers).data;
  const names = about.labels ?? about.numbers.map(({name}) => name);
  console.log(JSON.stringify({named: Object.fromEntries(names.map((name, i) => [name, row[i]]))}));
} else if (about.objective === "label_per_step" || about.objective === "numbers_per_step") {
  const {probabilities, numbers} = await session.run(input(all)), flat = Array.from((probabilities ?? numbers).data);
  const names = about.labels ?? about.numbers.map(({name}) => name);
  const rows = all.map((_, step) => {
    const row = flat.slice(step * names.length, (step + 1) * names.length);
    const label = about.labels ? {label: names[row.indexOf(Math.max(...row))]} : {};
    return {step, ...label, ...Object.fromEntries(names.map((name, i) => [name, row[i]]))};
  });
  console.log(JSON.stringify({rows}));
} else if (about.objective === "numbers") {
  const {forecast} = await session.run(input(all));
  const names = about.numbers.flatMap(({name}) => [name, ...(about.levels ?? []).map((level) => `${name}_q${level}`)]);
  const rows = Array.from({length: about.horizon}, (_, step) =>
    Object.fromEntries(names.map((name, i) => [name, forecast.data[step * names.length + i]])));
  console.log(JSON.stringify({rows}));
} else {
  const {probabilities} = await session.run(input(all)), row = Array.from(probabilities.data);
  console.log(JSON.stringify({label: about.labels[row.indexOf(Math.max(...row))],
                              probabilities: Object.fromEntries(about.labels.map((name, i) => [name, row[i]]))}));
}
