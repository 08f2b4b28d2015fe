// The API reference, drawn from the daemon's own OpenAPI document.

import { get } from "./api.js";
import { append, element } from "./dom.js";

const METHODS = ["get", "post", "delete"];
const DEEPEST = 4;

const resolve = (document, schema) => (schema?.$ref ? schema.$ref.slice(2).split("/").reduce((node, name) => node[name], document) : (schema ?? {}));
const nameOf = (schema) => schema.$ref?.split("/").at(-1);

/** Return paragraphs of a description; what stands in backquotes is code. */
function paragraphs(text = "") {
  return text
    .split(/\n\s*\n/)
    .filter(Boolean)
    .map((paragraph) => element("p", {}, paragraph.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part))));
}

/** Say in words what a schema takes. */
function typeText(document, schema, depth = 0) {
  const found = resolve(document, schema);
  if (found.const !== undefined) return JSON.stringify(found.const);
  if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(", ");
  const several = found.anyOf ?? found.oneOf;
  if (several) return several.map((each) => (resolve(document, each).type === "null" ? "null" : typeText(document, each, depth + 1))).join(" or ");
  if (found.type === "array") {
    if (found.prefixItems) return `[${found.prefixItems.map((each) => typeText(document, each, depth + 1)).join(", ")}]`;
    return `list of ${typeText(document, found.items, depth + 1)}`;
  }
  const limits = [
    found.format,
    found.minimum !== undefined && `from ${found.minimum}`,
    found.maximum !== undefined && `to ${found.maximum}`,
    found.maxLength !== undefined && `at most ${found.maxLength} characters`,
    found.pattern && found.pattern,
  ].filter(Boolean);
  return [nameOf(schema ?? {}) ?? found.type ?? "anything", ...limits].join(", ");
}

/** Return the table of an object's keys, with the objects inside it behind summaries. */
function schemaTable(document, schema, depth = 0) {
  const found = resolve(document, schema);
  const several = found.oneOf ?? (found.anyOf?.length > 1 ? null : found.anyOf);
  if (several) return several.map((each) => inside(document, each, depth));
  if (found.type === "array" && found.items) return schemaTable(document, found.items, depth);
  if (!found.properties) return element("p", {}, typeText(document, schema));
  const needed = new Set(found.required);
  const rows = Object.entries(found.properties).map(([name, value]) => {
    const notes = [value.description, value.default !== undefined && value.default !== null && `Default: ${JSON.stringify(value.default)}.`].filter(Boolean).join(" ");
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, element("code", {}, name), needed.has(name) ? element("span", { class: "needed" }, " required") : null),
      element("td", { class: "type" }, typeText(document, value)),
      element("td", {}, paragraphs(notes)),
    );
  });
  const objects = Object.values(found.properties).flatMap((value) => [value, value.items, ...(value.anyOf ?? [])]).filter((each) => each?.$ref && resolve(document, each).properties);
  return [element("table", {}, element("tbody", {}, rows)), depth < DEEPEST ? objects.map((each) => inside(document, each, depth + 1)) : null];
}

function inside(document, schema, depth) {
  const found = resolve(document, schema);
  const kind = found.properties?.kind?.const;
  return element("details", {}, element("summary", {}, kind ? `kind "${kind}"` : (nameOf(schema) ?? "object")), paragraphs(found.description), schemaTable(document, schema, depth + 1));
}

/** Return examples of some content: those of the content, else those of its schema. */
function examples(document, content) {
  const schema = resolve(document, content.schema);
  const named = Object.entries(content.examples ?? {}).map(([name, { value }]) => [name, value]);
  const plain = [content.example, ...(schema.examples ?? [])].filter((value) => value !== undefined).map((value) => ["example", value]);
  return (named.length ? named : plain).map(([name, value]) => element("details", {}, element("summary", {}, name), element("pre", {}, typeof value === "string" ? value : JSON.stringify(value, null, 2))));
}

function parameters(document, route) {
  if (!route.parameters?.length) return null;
  const rows = route.parameters.map((each) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, element("code", {}, each.name), each.required ? element("span", { class: "needed" }, " required") : null),
      element("td", { class: "type" }, `${each.in}: ${typeText(document, each.schema)}`),
      element("td", {}, paragraphs([each.description, each.schema.default !== undefined && each.schema.default !== null && `Default: ${JSON.stringify(each.schema.default)}.`].filter(Boolean).join(" "))),
    ),
  );
  return [element("h3", {}, "Parameters"), element("table", {}, element("tbody", {}, rows))];
}

function body(document, route) {
  const content = route.requestBody?.content["application/json"];
  return content ? [element("h3", {}, "Body"), schemaTable(document, content.schema), examples(document, content)] : null;
}

function answers(document, route) {
  const all = Object.entries(route.responses);
  const good = all.filter(([status]) => status < "400");
  const bad = all.filter(([status]) => status >= "400");
  const shown = good.map(([status, answer]) => {
    const [type, content] = Object.entries(answer.content ?? {})[0] ?? [];
    const table = content?.schema && type === "application/json" ? [schemaTable(document, content.schema), examples(document, content)] : content ? examples(document, content) : null;
    return element("details", {}, element("summary", {}, `${status}: ${answer.description}`), type && type !== "application/json" ? element("p", {}, type) : null, table);
  });
  const errors = element("details", {}, element("summary", {}, `Errors: ${bad.map(([status]) => status).join(", ")}`), element("table", {}, element("tbody", {}, bad.map(([status, answer]) => element("tr", {}, element("th", { scope: "row" }, status), element("td", {}, answer.description))))));
  return [element("h3", {}, "Answers"), shown, bad.length ? errors : null];
}

/** Return the request as a shell would make it, with the first example. */
function curl(document, method, path, route) {
  const content = route.requestBody?.content["application/json"];
  const example = content && (Object.values(content.examples ?? {})[0]?.value ?? resolve(document, content.schema).examples?.[0]);
  const lines = [`curl ${method === "get" ? "" : `-X ${method.toUpperCase()} `}${location.origin}${path.replace("{name}", "till-1").replace("{reference}", "sale-4711")}`];
  if (!route.security || route.security.length) lines.push('-H "Authorization: Bearer $(ecrlan token)"');
  if (example) lines.push("-H 'Content-Type: application/json'", `-d '${JSON.stringify(example)}'`);
  return element("pre", {}, lines.join(" \\\n  "));
}

function draw(document) {
  const contents = window.document.getElementById("contents");
  const reference = window.document.getElementById("reference");
  append(contents, [element("a", { class: "home", href: "/" }, "ecrlan console"), element("a", { class: "home", href: "/docs" }, "Documents")]);
  append(reference, [element("h1", {}, `${document.info.title} ${document.info.version}: HTTP API`), paragraphs(document.info.description)]);
  const tags = new Map();
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const method of METHODS.filter((each) => methods[each])) {
      const tag = methods[method].tags?.[0] ?? "more";
      tags.set(tag, [...(tags.get(tag) ?? []), { method, path, route: methods[method] }]);
    }
  }
  for (const [tag, routes] of tags) {
    append(contents, [element("h2", {}, tag)]);
    for (const { method, path, route } of routes) {
      const label = element("span", { class: `method ${method}` }, method.toUpperCase());
      append(contents, [element("a", { href: `#${route.operationId}` }, label, element("span", {}, path))]);
      append(reference, [element("section", { id: route.operationId }, element("h2", {}, label.cloneNode(true), path), paragraphs(route.description), curl(document, method, path, route), parameters(document, route), body(document, route), answers(document, route))]);
    }
  }
  if (location.hash) window.document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

get("/openapi.json").then(draw, (error) => append(document.getElementById("reference"), [element("h1", {}, "HTTP API"), element("p", {}, error.message)]));
