// Ask endpoints as Comunica does: `ask.mjs FOLDER_OF_NODE_MODULES`, with JSON on standard input:
// a list of {form, query, sources}; its answers are JSON on standard output, in the same order.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { QueryEngine } = createRequire(process.argv[2] + "/")("@comunica/query-sparql");
const engine = new QueryEngine();

const answers = {
  SELECT: async (query, context) => {
    const rows = await (await engine.queryBindings(query, context)).toArray();
    return rows.map((row) => Object.fromEntries([...row].map(([name, term]) => [name.value, term.value])));
  },
  CONSTRUCT: async (query, context) => {
    const quads = await (await engine.queryQuads(query, context)).toArray();
    return quads.map((quad) => [quad.subject.value, quad.predicate.value, quad.object.value]);
  },
  ASK: (query, context) => engine.queryBoolean(query, context),
  UPDATE: async (query, context) => {
    await engine.queryVoid(query, { ...context, destination: context.sources[0] });
    return null;
  },
};

const found = [];
for (const { form, query, sources } of JSON.parse(readFileSync(0, "utf8"))) {
  const context = { sources: sources.map((value) => ({ type: "sparql", value })) };
  found.push(await answers[form](query, context));
}
console.log(JSON.stringify(found));
