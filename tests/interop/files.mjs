// What other programs read in an export: the GGUF's header by @huggingface/gguf, the tokenizer by
// @huggingface/transformers. Throws where something is not as it should be.
//   node files.mjs FILE.gguf HF_FOLDER
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";
import {strict as assert} from "node:assert";
import {readFileSync} from "node:fs";
import {basename, dirname} from "node:path";
const require = createRequire(process.env.SEQTAPE_NODE_MODULES + "/x.js");
const load = (name) => import(pathToFileURL(require.resolve(name)));
const [file, folder] = process.argv.slice(2);
const config = JSON.parse(readFileSync(folder + "/config.json", "utf8"));

const {gguf} = await load("@huggingface/gguf");
const {metadata, tensorInfos} = await gguf(file, {allowLocalFile: true});
assert.equal(metadata["general.architecture"], "mamba");
assert.equal(metadata["mamba.embedding_length"], config.hidden_size);
assert.equal(metadata["mamba.block_count"], config.num_hidden_layers);
assert.equal(metadata["tokenizer.ggml.tokens"].length, config.vocab_size);
assert.equal(tensorInfos.length, 2 + 10 * config.num_hidden_layers);

const {AutoTokenizer, env} = await load("@huggingface/transformers");
env.allowRemoteModels = false;
env.localModelPath = dirname(folder);
const tokenizer = await AutoTokenizer.from_pretrained(basename(folder));
const encoder = new TextEncoder();
for (const text of ["In the beginning", " two  blanks\n\tand a tab", "naïve café — 東京 🙂", "<|endoftext|> \u0000\u007f"]) {
  const ids = tokenizer.encode(text);
  assert.deepEqual(ids, Array.from(encoder.encode(text)));
  assert.equal(tokenizer.decode(ids), text);
}
console.log("ok");
