
"use strict";

const page = document.getElementById("page");

// Everything is put in as text: nothing in the document can become markup.
function element(name, properties, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children.filter((it) => it !== undefined && it !== null));
  return node;
}

function resolve(api, node) {
  if (!node || !node.$ref) return node;
  return node.$ref.slice(2).split("/").reduce((at, key) => at[key], api);
}

// The name of a schema, or its shape on one line.
function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const variants = schema.oneOf || schema.anyOf;
  if (variants) return variants.map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.map((it) => JSON.stringify(it)).join(" or ");
  const names = [].concat(schema.type || "anything").map((name) =>
    name === "array" ? "list of " + typeOf(schema.items) : name);
  const limits = [
    schema.format,
    schema.minimum !== undefined && "from " + schema.minimum,
    schema.maximum !== undefined && "to " + schema.maximum,
    schema.minLength !== undefined && "at least " + schema.minLength + " characters",
    schema.maxLength !== undefined && "at most " + schema.maxLength + " characters",
    schema.default !== undefined && "default " + schema.default,
    schema.pattern && "matches " + schema.pattern,
  ].filter(Boolean);
  return names.join(" or ") + (limits.length ? " (" + limits.join(", ") + ")" : "");
}

function table(heads, rows) {
  if (!rows.length) return undefined;
  const row = (cells, kind) => element("tr", {}, ...cells.map((it) => element(kind, {}, it || "")));
  return element("table", {},
    element("thead", {}, row(heads, "th")),
    element("tbody", {}, ...rows.map((cells) => row(cells, "td"))));
}

function code(text) {
  return element("code", { textContent: text });
}

function members(api, schema) {
  const shape = resolve(api, schema);
  if (!shape || !shape.properties) return undefined;
  const required = new Set(shape.required || []);
  return table(["member", "type", ""], Object.entries(shape.properties).map(([name, it]) =>
    [code(name + (required.has(name) ? "" : "?")), typeOf(it), it.description]));
}

function body(api, content) {
  const [type, media] = Object.entries(content || {})[0] || [];
  if (!media || !media.schema) return "";
  return type === "application/json" ? typeOf(media.schema) : type;
}

function operation(api, path, method, it) {
  const parameters = (it.parameters || []).map((parameter) => resolve(api, parameter));
  const request = it.requestBody && Object.values(it.requestBody.content)[0].schema;
  const responses = Object.entries(it.responses)
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([status, response]) =>
      [code(status), body(api, response.content), resolve(api, response).description]);
  return element("details", { id: it.operationId },
    element("summary", {},
      element("span", { className: "method", textContent: method }),
      code(path),
      element("span", { className: "note", textContent: it.summary || "" })),
    it.description && element("p", { textContent: it.description }),
    it.security && element("p", { textContent: "Needs an access token." }),
    table(["parameter", "in", "type", ""], parameters.map((parameter) => [
      code(parameter.name + (parameter.required ? "" : "?")),
      parameter.in, typeOf(parameter.schema), parameter.description])),
    request && element("h4", { textContent: "Body: " + typeOf(request) }),
    request && members(api, request),
    element("h4", { textContent: "Answers" }),
    table(["status", "body", ""], responses));
}

function render(api) {
  const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, it]) => ({ path, method, it })));
  const sections = api.tags.flatMap((tag) => [
    element("h2", { textContent: tag.name }),
    element("p", { textContent: tag.description }),
    ...operations
      .filter(({ it }) => it.tags.includes(tag.name))
      .map(({ path, method, it }) => operation(api, path, method, it)),
  ]);
  const schemas = Object.entries(api.components.schemas)
    .filter(([, schema]) => schema.properties)
    .map(([name, schema]) => element("details", { id: name },
      element("summary", {}, code(name)),
      schema.description && element("p", { textContent: schema.description }),
      members(api, schema)));
  page.replaceChildren(
    element("h1", { textContent: api.info.title }),
    element("p", { textContent: api.info.description }),
    ...sections,
    element("h2", { textContent: "shapes" }),
    ...schemas);
}

fetch("/openapi.json")
  .then((answer) => answer.ok ? answer.json() : Promise.reject(new Error("status " + answer.status)))
  .then(render)
  .catch((error) => page.replaceChildren(
    element("p", { textContent: "/openapi.json could not be shown: " + error.message })));
