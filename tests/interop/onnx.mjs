// ONNX Runtime runs an exported folder's two graphs and compares their logits with parity.json.
//   node onnx.mjs FOLDER     exits 1 beyond 1e-4
import {createRequire} from "node:module";
import {readFileSync} from "node:fs";
const require = createRequire(process.env.SEQTAPE_NODE_MODULES + "/x.js");
const ort = require("onnxruntime-node");
const folder = process.argv[2];
const parity = JSON.parse(readFileSync(folder + "/parity.json", "utf8"));
const whole = await ort.InferenceSession.create(folder + "/model.onnx");
const step = await ort.InferenceSession.create(folder + "/step.onnx");

const name = whole.inputNames[0];
const width = name === "values" ? parity.values.length / parity.length : 1;
/// Steps [begin, end) of the fixed input, `batch` times.
const piece = (begin, end, batch) => {
  const one = (name === "tokens" ? parity.tokens : parity.values).slice(begin * width, end * width);
  const all = Array.from({length: batch}, () => one).flat();
  if (name === "tokens") return new ort.Tensor("int64", BigInt64Array.from(all, BigInt), [batch, end - begin]);
  const {type} = whole.inputMetadata[0];  // in double where the graph scales
  return new ort.Tensor(type, type === "float64" ? Float64Array.from(all) : Float32Array.from(all), [batch, end - begin, width]);
};
const outputs = parity.logits.length;
let worst = 0;
const compare = (logits, batch) => {
  for (let b = 0; b < batch; ++b) {
    const end = (b + 1) * logits.size / batch;
    for (let i = 0; i < outputs; ++i)
      worst = Math.max(worst, Math.abs(logits.data[end - outputs + i] - parity.logits[i]));
  }
};

// The whole sequence at once.
const answer = await whole.run({[name]: piece(0, parity.length, 2)});
compare(answer.logits, 2);
// A part of it, and the rest step by step from its states; a stem makes one step of several.
const stride = parity.length / 32;
let out = await whole.run({[name]: piece(0, 20 * stride, 2)});
for (let t = 20 * stride; t < parity.length; t += stride) {
  const feeds = {[name]: piece(t, t + stride, 2)};
  for (const state of step.inputNames)
    if (state !== name) feeds[state] = out["next_" + state];
  out = await step.run(feeds);
}
compare(out.logits, 2);
// Steps of which a stem has made none yet change nothing.
if (stride > 1) {
  const even = await whole.run({[name]: piece(0, 20 * stride, 2)});
  const rest = await whole.run({[name]: piece(0, 21 * stride - 1, 2)});
  for (const key of Object.keys(even))
    even[key].data.forEach((x, i) => { worst = Math.max(worst, Math.abs(x - rest[key].data[i])); });
}
// Logits that an implementation that does nothing could have, too, prove nothing.
const zeros = parity.logits.filter(x => x === 0).length / outputs;
if (zeros > 0.3 || (outputs > 1 && parity.logits.every(x => x === parity.logits[0]))) {
  console.log(`${folder}: mistrusted: logits ${parity.logits.slice(0, 4)}...`);
  process.exit(1);
}
const largest = Math.max(...parity.logits.map(Math.abs));
console.log(`${folder.split("/").pop()}: largest logit ${largest.toPrecision(3)}, largest difference ${worst.toPrecision(3)}`);
if (!(worst <= 1e-4)) process.exit(1);
