// llama.cpp (node-llama-cpp's CPU build) continues the prompt; prints the ids of the most likely tokens.
//   node gguf.mjs FILE.gguf PROMPT_IDS TOKENS
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";
const require = createRequire(process.env.SEQTAPE_NODE_MODULES + "/x.js");
const load = (name) => import(pathToFileURL(require.resolve(name)));
const {getLlama, LlamaLogLevel} = await load("node-llama-cpp");
const [file, prompt, count] = process.argv.slice(2);
const llama = await getLlama({gpu: false, build: "never", logLevel: LlamaLogLevel[process.env.LLAMA_LOG ?? "error"]});
const model = await llama.loadModel({modelPath: file, useMmap: false});
const context = await model.createContext({contextSize: 512, threads: 1});
const sequence = context.getSequence();
const ids = [];
for await (const token of sequence.evaluate(prompt.split(",").map(Number), {temperature: 0, yieldEogToken: true})) {
  ids.push(token);
  if (ids.length === Number(count)) break;
}
console.log(JSON.stringify(ids));
await llama.dispose();
process.exit(0);
